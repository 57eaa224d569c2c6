-- What we and partners said to each other, call by call, for an order's timeline. Rows expire; they decide nothing.

-- `key` is the thing the call was for, `effect` the effect's number. `said` is sealed: address, error, and both bodies, redacted
-- and bounded.
CREATE TABLE exchanges (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    effect integer NOT NULL,
    partner text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    method text NOT NULL,
    status integer NOT NULL,
    said bytea NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX exchanges_of_order ON exchanges (order_id, id);
