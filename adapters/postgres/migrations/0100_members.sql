-- The processes that share the orders of this installation. Whoever has not said for a while that it lives is gone: the others take
-- its partitions, and its share of what a partner allows. Only the database's clock counts.
CREATE TABLE members (
    owner text COLLATE "C" PRIMARY KEY,
    expires_at timestamptz NOT NULL
) WITH (
    -- Renewed every second: keep its page nearly empty and clean.
    fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
);
