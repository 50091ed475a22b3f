-- Who belongs to which community, who may do what there, who was seen first where, and servers as a whole.

INSERT INTO communities (id, name, created_at) VALUES (1, 'waddlebot-global', 0) ON CONFLICT (id) DO NOTHING;

CREATE TABLE memberships (
    community_id BIGINT NOT NULL,
    platform TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL DEFAULT '',
    folded TEXT NOT NULL DEFAULT '',
    joined_at BIGINT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    PRIMARY KEY (community_id, platform, user_id)
);
CREATE INDEX memberships_names ON memberships (community_id, folded, platform, user_id);

CREATE TABLE community_roles (
    community_id BIGINT NOT NULL,
    platform TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    granted_by TEXT NOT NULL DEFAULT '',
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (community_id, platform, user_id)
);

CREATE TABLE entity_roles (
    entity_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    community_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    granted_by TEXT NOT NULL DEFAULT '',
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, user_id)
);
CREATE INDEX entity_roles_community ON entity_roles (community_id);

CREATE TABLE badge_roles (
    community_id BIGINT NOT NULL,
    badge TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (community_id, badge)
);

ALTER TABLE channels ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN owner_name TEXT NOT NULL DEFAULT '';

CREATE TABLE entity_groups (
    platform TEXT NOT NULL,
    server_id TEXT NOT NULL,
    community_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (platform, server_id)
);
