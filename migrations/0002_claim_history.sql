-- Who held what, epoch by epoch: the key proves that an epoch never had two owners.

CREATE TABLE claim_history (
    entity_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    owner TEXT NOT NULL,
    incarnation BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, epoch)
);
CREATE INDEX claim_history_when ON claim_history (claimed_at);
