-- What came of a message that was left in the inbox and that somebody waits for: the node that left it and the one that acts on it
-- may reach each other through the database alone. Empty until it is known; forgotten after a while.

CREATE TABLE outcomes (
    message_id TEXT PRIMARY KEY,
    body TEXT NOT NULL DEFAULT '',
    wanted_at BIGINT NOT NULL
);
