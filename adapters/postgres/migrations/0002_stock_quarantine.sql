-- Stock on hand and what is reserved of it, and payloads that did not pass the edge.

-- The invariant is the server's, not ours: whoever writes, reserved stays at or below on hand less the safety stock.
CREATE TABLE stock (
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    safety bigint NOT NULL DEFAULT 0 CHECK (safety >= 0),
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (place, sku),
    CONSTRAINT stock_is_never_oversold CHECK (reserved <= on_hand - safety OR reserved = 0)
) WITH (
    -- A popular SKU's row is rewritten by every batch: keep room beside it and clean often.
    fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1
);

-- One row per order line, permanently: a late repeat finds what it did. `number` is the effect that wrote last; an older one
-- changes nothing. `tracked` says whether the SKU had a stock row then; untracked ones hold nothing back.
CREATE TABLE reservations (
    order_id text COLLATE "C" NOT NULL,
    line_id text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    number integer NOT NULL,
    tracked boolean NOT NULL,
    reserved_at timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (order_id, line_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- Whole, as it came. What is kept is bounded by number, age and bytes: see quarantine.py.
CREATE TABLE quarantine (
    delivery_id text COLLATE "C" PRIMARY KEY,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    channel text NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    -- JSON in bytes: a list, and a table of the sender's headers.
    sentences bytea NOT NULL,
    headers bytea NOT NULL,
    original bytea NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX quarantine_reasons ON quarantine (reason, id);

-- Lists and searches of the read model. None of them holds a column that most updates change (stage, version): such an index
-- would end the heap-only updates of `orders`. `final` and `attention` change once or seldom.
CREATE INDEX orders_newest ON orders (placed_at DESC, order_id DESC);
CREATE INDEX orders_open ON orders (placed_at DESC, order_id DESC) WHERE NOT final;
CREATE INDEX orders_attention ON orders (placed_at DESC, order_id DESC) WHERE attention;
CREATE INDEX orders_number ON orders (number);
CREATE INDEX orders_ref ON orders (ref);
