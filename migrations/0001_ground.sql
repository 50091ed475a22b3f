-- The ground: nodes, claims, communities, channels, the journal, keys.
-- Portable subset: BIGINT epoch milliseconds, TEXT ids, JSON as TEXT.

CREATE TABLE nodes (
    node_id TEXT PRIMARY KEY,
    incarnation BIGINT NOT NULL,
    seq BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'up',
    address TEXT NOT NULL DEFAULT '',
    http_address TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL DEFAULT '',
    config_hash TEXT NOT NULL DEFAULT '',
    capacity BIGINT NOT NULL DEFAULT 0,
    load BIGINT NOT NULL DEFAULT 0,
    renewed_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE coordination (
    entity_id TEXT PRIMARY KEY,
    platform TEXT NOT NULL DEFAULT '',
    server_id TEXT NOT NULL DEFAULT '',
    channel_id TEXT NOT NULL DEFAULT '',
    claimed_by TEXT,
    incarnation BIGINT NOT NULL DEFAULT 0,
    epoch BIGINT NOT NULL DEFAULT 0,
    claimed_at BIGINT,
    status TEXT NOT NULL DEFAULT 'available',
    is_live BOOLEAN NOT NULL DEFAULT FALSE,
    live_since BIGINT,
    viewer_count BIGINT NOT NULL DEFAULT 0,
    last_activity BIGINT,
    last_check BIGINT,
    last_checkin BIGINT,
    claim_expires BIGINT,
    heartbeat_interval BIGINT NOT NULL DEFAULT 300,
    error_count BIGINT NOT NULL DEFAULT 0,
    error_message TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    priority BIGINT NOT NULL DEFAULT 100,
    max_containers BIGINT NOT NULL DEFAULT 1,
    config TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX coordination_owner ON coordination (claimed_by);

CREATE TABLE communities (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL DEFAULT 'UTC',
    created_at BIGINT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE
);

CREATE TABLE channels (
    entity_id TEXT PRIMARY KEY,
    community_id BIGINT NOT NULL,
    platform TEXT NOT NULL,
    server_id TEXT NOT NULL DEFAULT '',
    channel_id TEXT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL,
    config TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX channels_community ON channels (community_id);

CREATE TABLE community_modules (
    community_id BIGINT NOT NULL,
    module TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL DEFAULT TRUE,
    settings TEXT NOT NULL DEFAULT '{}',
    memory TEXT NOT NULL DEFAULT 'null',
    wake_at BIGINT,
    updated_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (community_id, module)
);

CREATE TABLE inbox (
    message_id TEXT PRIMARY KEY,
    entity_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    received_at BIGINT NOT NULL
);
CREATE INDEX inbox_order ON inbox (entity_id, seq);

CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    entity_id TEXT NOT NULL,
    community_id BIGINT NOT NULL,
    module TEXT NOT NULL,
    command TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL DEFAULT '',
    user_name TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '[]',
    epoch BIGINT NOT NULL DEFAULT 0,
    execution_time_ms BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX executions_when ON executions (created_at);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    community_id BIGINT NOT NULL,
    effect BIGINT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    epoch BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX outbox_state ON outbox (state, id);

CREATE TABLE activity_points (
    community_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    user_name TEXT NOT NULL DEFAULT '',
    points BIGINT NOT NULL DEFAULT 0,
    messages BIGINT NOT NULL DEFAULT 0,
    last_seen BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (community_id, platform, user_id)
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE login_links (
    link_hash TEXT PRIMARY KEY,
    role TEXT NOT NULL DEFAULT 'owner',
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
