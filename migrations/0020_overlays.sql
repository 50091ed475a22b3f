-- Overlays: their secret addresses, what they show and showed, who opened them, what pages told.

CREATE TABLE browser_source_tokens (
    community_id BIGINT NOT NULL,
    source_type TEXT NOT NULL,
    generation BIGINT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (community_id, source_type)
);

CREATE TABLE overlay_items (
    community_id BIGINT NOT NULL,
    source_type TEXT NOT NULL,
    item_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    outcome TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    shown_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (community_id, source_type, item_id)
);
CREATE INDEX overlay_items_open ON overlay_items (community_id, source_type, state);

CREATE TABLE browser_source_history (
    community_id BIGINT NOT NULL,
    source_type TEXT NOT NULL,
    item_id TEXT NOT NULL,
    content TEXT NOT NULL,
    session_id TEXT NOT NULL DEFAULT '',
    module_name TEXT NOT NULL DEFAULT '',
    duration BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX browser_source_history_when ON browser_source_history (community_id, source_type, created_at);

CREATE TABLE browser_source_analytics (
    community_id BIGINT NOT NULL,
    source_type TEXT NOT NULL,
    event_type TEXT NOT NULL,
    event_data TEXT NOT NULL DEFAULT 'null',
    created_at BIGINT NOT NULL
);
CREATE INDEX browser_source_analytics_when ON browser_source_analytics (community_id, source_type, created_at);

CREATE TABLE browser_source_access_log (
    community_id BIGINT NOT NULL,
    source_type TEXT NOT NULL,
    ip_address TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    referer TEXT NOT NULL DEFAULT '',
    accessed_at BIGINT NOT NULL
);
CREATE INDEX browser_source_access_log_when ON browser_source_access_log (accessed_at);
