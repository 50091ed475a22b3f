-- The claim of the connection that a community's messages come through: best served by the node that holds it.

ALTER TABLE coordination ADD COLUMN near TEXT NOT NULL DEFAULT '';
