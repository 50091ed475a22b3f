-- What a community wants to remember, and what its people want to be reminded of.

CREATE TABLE memories (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    memory_type TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL DEFAULT '',
    author TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',
    search_text TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    usage_count BIGINT NOT NULL DEFAULT 0,
    last_used BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id)
);
CREATE INDEX memories_kind ON memories (community_id, memory_type, id);

CREATE TABLE memory_reactions (
    community_id BIGINT NOT NULL,
    memory_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    reaction_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, memory_id, user_id, reaction_type)
);

CREATE TABLE reminders (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    reminder_text TEXT NOT NULL,
    remind_at BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    is_sent BOOLEAN NOT NULL DEFAULT FALSE,
    sent_at BIGINT,
    recurring_pattern TEXT NOT NULL DEFAULT '',
    recurring_end BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id)
);
CREATE INDEX reminders_due ON reminders (community_id, is_sent, remind_at);
