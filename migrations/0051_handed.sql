-- What was handed to a node and it has not looked at yet: a node learns of it without reading all that it holds.

ALTER TABLE coordination ADD COLUMN handed BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX coordination_handed ON coordination (claimed_by, incarnation) WHERE handed;
