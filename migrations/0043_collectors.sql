-- Programs outside that listen to platforms, and the servers they are to listen to.

CREATE TABLE collector_modules (
    module_name TEXT PRIMARY KEY,
    module_version TEXT NOT NULL DEFAULT '',
    platform TEXT NOT NULL DEFAULT '',
    endpoint_url TEXT NOT NULL DEFAULT '',
    health_check_url TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'active',
    config TEXT NOT NULL DEFAULT '{}',
    report TEXT NOT NULL DEFAULT '{}',
    heartbeat_interval BIGINT NOT NULL DEFAULT 300,
    registered_by TEXT NOT NULL DEFAULT '',
    registered_at BIGINT NOT NULL,
    last_heartbeat BIGINT NOT NULL
);

CREATE TABLE servers (
    platform TEXT NOT NULL,
    server_id TEXT NOT NULL,
    channel TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    webhook_url TEXT NOT NULL DEFAULT '',
    config TEXT NOT NULL DEFAULT '{}',
    last_activity BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (platform, server_id, channel)
);

CREATE INDEX memberships_person ON memberships (platform, user_id);
