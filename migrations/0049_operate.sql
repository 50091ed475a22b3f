-- Collectors outside claim beside the nodes: after how many milliseconds of silence one counts as gone (0 for a node).
-- What nobody serves is found without reading what is served.

ALTER TABLE nodes ADD COLUMN silence BIGINT NOT NULL DEFAULT 0;
CREATE INDEX coordination_unclaimed ON coordination (affinity, platform) WHERE claimed_by IS NULL;
CREATE INDEX coordination_life ON coordination (claimed_by, incarnation);
DROP INDEX coordination_owner;
