-- Things a community lends. `item_key` and `search_text` are folded in the program, so that both
-- databases compare alike.

CREATE TABLE inventory_items (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    item_name TEXT NOT NULL,
    item_key TEXT NOT NULL,
    description TEXT NOT NULL,
    labels TEXT NOT NULL DEFAULT '[]',
    search_text TEXT NOT NULL,
    is_checked_out BOOLEAN NOT NULL DEFAULT FALSE,
    checked_out_to TEXT,
    checked_out_at BIGINT,
    checked_in_at BIGINT,
    created_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id),
    UNIQUE (community_id, item_key)
);

CREATE TABLE inventory_activity (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    item_name TEXT NOT NULL,
    action TEXT NOT NULL,
    performed_by TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id)
);
CREATE INDEX inventory_activity_item ON inventory_activity (community_id, item_id);
