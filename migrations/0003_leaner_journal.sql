-- The inbox and the outbox hold only what is on its way: a few rows, written and removed with every
-- command and read as a whole at a start. An index on them costs each command more than it ever saves.

DROP INDEX IF EXISTS inbox_order;
DROP INDEX IF EXISTS outbox_state;
