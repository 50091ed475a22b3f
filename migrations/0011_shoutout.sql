-- Whom a community introduces, and when it did.

CREATE TABLE shoutout_users (
    community_id BIGINT NOT NULL,
    user_key TEXT NOT NULL,
    user_name TEXT NOT NULL,
    auto_shoutout BOOLEAN NOT NULL DEFAULT FALSE,
    custom_message TEXT NOT NULL DEFAULT '',
    links TEXT NOT NULL DEFAULT '[]',
    shoutout_count BIGINT NOT NULL DEFAULT 0,
    last_shoutout BIGINT,
    last_auto BIGINT,
    PRIMARY KEY (community_id, user_key)
);

CREATE TABLE shoutout_history (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    user_key TEXT NOT NULL,
    user_name TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL DEFAULT '',
    game TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id)
);
CREATE INDEX shoutout_history_when ON shoutout_history (community_id, created_at);
