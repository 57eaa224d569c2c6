-- Stock on hand and what is reserved of it.

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

-- One row for each unit's way: what a fulfilment (`key`) of an order holds of a line at a place, permanently, so that a late repeat
-- finds what it did. `quantity` is what it holds now, `change` what the last effect added to it (below 0: gave back) and `number`
-- that effect; an older one changes nothing. `tracked` says whether the SKU had a stock row when it was reserved; what is untracked
-- holds nothing back.
CREATE TABLE reservations (
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    line_id text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    quantity integer NOT NULL CHECK (quantity >= 0),
    change integer NOT NULL,
    number integer NOT NULL,
    tracked boolean NOT NULL,
    reserved_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, key, line_id, sku, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
