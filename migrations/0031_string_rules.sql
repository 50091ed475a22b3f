-- String rules of a community, who blocked what, and the chat it may keep.

CREATE TABLE string_rules (
    id BIGINT PRIMARY KEY,
    community_id BIGINT NOT NULL,
    string TEXT NOT NULL,
    folded TEXT NOT NULL,
    match_type TEXT NOT NULL,
    case_sensitive BOOLEAN NOT NULL DEFAULT FALSE,
    enabled_entity_ids TEXT NOT NULL DEFAULT '[]',
    overrides TEXT NOT NULL DEFAULT '{}',
    action TEXT NOT NULL,
    priority BIGINT NOT NULL DEFAULT 100,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    match_count BIGINT NOT NULL DEFAULT 0,
    last_matched BIGINT,
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX string_rules_order ON string_rules (community_id, priority, id);

CREATE TABLE string_rule_settings (
    community_id BIGINT PRIMARY KEY,
    keeps_history BOOLEAN NOT NULL DEFAULT FALSE,
    history_days BIGINT NOT NULL DEFAULT 7,
    moderators TEXT NOT NULL DEFAULT '',
    updated_by TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE blocked_messages (
    community_id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    rule_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    text TEXT NOT NULL,
    said_at BIGINT NOT NULL
);
CREATE INDEX blocked_messages_when ON blocked_messages (community_id, said_at);

CREATE TABLE chat_history (
    community_id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    text TEXT NOT NULL,
    said_at BIGINT NOT NULL
);
CREATE INDEX chat_history_when ON chat_history (community_id, said_at);
CREATE INDEX chat_history_who ON chat_history (community_id, user_id);
