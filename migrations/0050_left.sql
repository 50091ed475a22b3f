-- What an owner that went in good order left to whoever follows it, and under which epoch it did: worth nothing to any other.

ALTER TABLE coordination ADD COLUMN left_behind TEXT NOT NULL DEFAULT '';
ALTER TABLE coordination ADD COLUMN left_at BIGINT NOT NULL DEFAULT 0;
