-- Commands that run elsewhere, where each may be used, what they did, and what they answered later.
-- A command of community 1 is for every community.

CREATE TABLE commands (
    id BIGINT PRIMARY KEY,
    community_id BIGINT NOT NULL,
    prefix TEXT NOT NULL,
    command TEXT NOT NULL,
    module_id TEXT NOT NULL,
    module_type TEXT NOT NULL,
    version TEXT NOT NULL DEFAULT '1.0',
    description TEXT NOT NULL DEFAULT '',
    search_text TEXT NOT NULL,
    type TEXT NOT NULL,
    location_url TEXT NOT NULL,
    method TEXT NOT NULL DEFAULT 'POST',
    headers BYTEA NOT NULL,
    timeout BIGINT NOT NULL DEFAULT 30,
    is_idempotent BOOLEAN NOT NULL DEFAULT FALSE,
    signing_key BIGINT NOT NULL DEFAULT 1,
    permission_level TEXT NOT NULL DEFAULT 'viewer',
    cooldown BIGINT NOT NULL DEFAULT 0,
    rate_limit BIGINT,
    trigger_type TEXT NOT NULL DEFAULT 'command',
    event_types TEXT NOT NULL DEFAULT '[]',
    priority BIGINT NOT NULL DEFAULT 100,
    execution_mode TEXT NOT NULL DEFAULT 'sequential',
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX commands_word ON commands (community_id, prefix, command, module_id) WHERE deleted_at IS NULL;

CREATE TABLE command_permissions (
    command_id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    is_enabled BOOLEAN,
    usage_count BIGINT NOT NULL DEFAULT 0,
    last_used BIGINT,
    updated_by TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (command_id, entity_id)
);

ALTER TABLE executions ADD COLUMN command_id BIGINT;
ALTER TABLE executions ADD COLUMN message_content TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN parameters TEXT NOT NULL DEFAULT '[]';
ALTER TABLE executions ADD COLUMN response_status BIGINT;
ALTER TABLE executions ADD COLUMN response_data TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN error_message TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN retry_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN completed_at BIGINT;

CREATE TABLE module_responses (
    id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    community_id BIGINT NOT NULL,
    entity_id TEXT NOT NULL,
    module_name TEXT NOT NULL,
    success BOOLEAN NOT NULL,
    response_action TEXT NOT NULL,
    response_data TEXT NOT NULL,
    error_message TEXT NOT NULL DEFAULT '',
    processing_time_ms BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX module_responses_execution ON module_responses (execution_id, created_at);
CREATE INDEX module_responses_when ON module_responses (created_at);
