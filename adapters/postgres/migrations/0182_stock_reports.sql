-- The last report of each place whose stock a partner counts: when it was asked for, what came of it, and what is wrong.
CREATE TABLE stock_reports (
    place text COLLATE "C" PRIMARY KEY,
    partner text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    figures bigint NOT NULL,
    changed bigint NOT NULL,
    stale bigint NOT NULL,
    missing bigint NOT NULL,
    fault text NOT NULL DEFAULT ''
);
