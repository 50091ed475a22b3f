-- Words a community taught its bot. A removed one keeps its row until the word is taught anew.

CREATE TABLE alias_commands (
    community_id BIGINT NOT NULL,
    alias TEXT NOT NULL,
    command TEXT NOT NULL,
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    usage_count BIGINT NOT NULL DEFAULT 0,
    last_used BIGINT,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    PRIMARY KEY (community_id, alias)
);
