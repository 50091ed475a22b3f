-- How often people used commands lately, whether a channel's count is complete, and what communities allow.

CREATE TABLE rate_limits (
    entity_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    command TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    request_count BIGINT NOT NULL,
    uses TEXT NOT NULL DEFAULT '[]',
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, user_id, command)
);

CREATE TABLE rate_keepers (
    entity_id TEXT PRIMARY KEY,
    is_open BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE command_limits (
    community_id BIGINT NOT NULL,
    command TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT '',
    uses BIGINT NOT NULL,
    window_ms BIGINT NOT NULL,
    updated_by TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, command, role)
);
