-- Who changed whose role, from what to what: written with the change itself.
-- An empty role is none given; who left has none any more.

CREATE TABLE role_changes (
    community_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    platform TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL DEFAULT '',
    entity_id TEXT NOT NULL DEFAULT '',
    role_before TEXT NOT NULL DEFAULT '',
    role_after TEXT NOT NULL DEFAULT '',
    has_left BOOLEAN NOT NULL DEFAULT FALSE,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, id)
);
CREATE INDEX role_changes_when ON role_changes (community_id, changed_at);
