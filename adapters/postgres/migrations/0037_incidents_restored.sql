-- As 0034 does for facts: in a cluster that was restored from a dump, old events may seem younger than new ones. Events up to
-- `counted_to` (by position, which goes on across a restore) were counted under an earlier count of transactions. While `resume` is
-- set, those of the dump that were not counted yet are, up to `dumped_to`; then the present count begins there. `began` remembers
-- where that is, for a rebuild.
ALTER TABLE incident_progress
    ADD COLUMN counted_to bigint NOT NULL DEFAULT 0,
    ADD COLUMN dumped_to bigint NOT NULL DEFAULT 0,
    ADD COLUMN resume xid8,
    ADD COLUMN began xid8;
