-- Several nodes: in whose hands accepted and committed things are (a node in one of its lives; nobody's
-- when empty), and what an entity must live beside.

ALTER TABLE inbox ADD COLUMN held_by TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN held_by TEXT NOT NULL DEFAULT '';
ALTER TABLE coordination ADD COLUMN affinity TEXT NOT NULL DEFAULT '';
CREATE INDEX coordination_affinity ON coordination (affinity);
