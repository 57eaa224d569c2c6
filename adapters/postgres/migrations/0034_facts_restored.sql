-- A cluster that was restored from a dump counts its transactions from the beginning, so old events may seem younger than new ones.
-- Events up to `told_to` (by position, which goes on across a restore) were told under an earlier count. While `resume` is set, those
-- of the dump that were not told yet are told, up to `dumped_to`; then the new count begins there.
ALTER TABLE fact_progress
    ADD COLUMN told_to bigint NOT NULL DEFAULT 0,
    ADD COLUMN dumped_to bigint NOT NULL DEFAULT 0,
    ADD COLUMN resume xid8;

-- What led to which event is exact from here on.
COMMENT ON COLUMN inbox.version IS 'The order''s version after this input; 0: it changed nothing.';
