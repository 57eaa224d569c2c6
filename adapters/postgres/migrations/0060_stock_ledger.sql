-- Stock as a ledger: what changed a balance, and how far the events were followed that change it.

-- One row for each change of what lies at a place, and for each change that takes from a reservation. What is added to a reservation
-- has no row here, because orders wait for it: the reservation itself is that movement (`quantity` and `gone`). So at every moment
-- and for each place and SKU, `stock.on_hand` is the sum of `on_hand` here, and `stock.reserved` what reservations took, less what
-- the sum of `reserved` here gave back. `at` is when it was so, `number` the effect or the event's version.
CREATE TABLE stock_movements (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL CONSTRAINT stock_movements_kind CHECK (
        kind IN ('opening', 'counted', 'received', 'adjusted', 'moved', 'returned', 'released', 'consumed', 'expired')
    ),
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    order_id text COLLATE "C" NOT NULL DEFAULT '',
    key text COLLATE "C" NOT NULL DEFAULT '',
    line_id text COLLATE "C" NOT NULL DEFAULT '',
    number integer NOT NULL DEFAULT 0,
    person text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT ''
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX stock_movements_shelf ON stock_movements (place, sku, at, position);

CREATE TRIGGER stock_movements_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `missing` are units that are promised, and that a count did not find: until a person decides whose they are, nothing of the SKU is
-- promised there. `counted_at` is the moment that the last count was of: what had left before is not taken off again.
ALTER TABLE stock
    ADD COLUMN missing bigint NOT NULL DEFAULT 0 CHECK (missing >= 0),
    ADD COLUMN counted_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE stock DROP CONSTRAINT stock_is_never_oversold;
ALTER TABLE stock ADD CONSTRAINT stock_is_never_oversold CHECK (reserved <= on_hand - safety + missing OR reserved = 0);

INSERT INTO stock_movements (at, kind, place, sku, on_hand, reserved, reason)
SELECT now(), 'opening', place, sku, on_hand, 0, 'on hand when the ledger began' FROM stock WHERE on_hand > 0;

-- `gone` are units that were held and are not any more: given back, or left with their goods. `left_by` is the version of the last
-- event with which some left, so that none is followed twice.
ALTER TABLE reservations
    ADD COLUMN gone bigint NOT NULL DEFAULT 0 CHECK (gone >= 0),
    ADD COLUMN left_by integer NOT NULL DEFAULT 0;
-- Most are updated once, when their goods leave.
ALTER TABLE reservations SET (fillfactor = 85);

-- SKUs that a person declares not to be counted, at a place ('*': at every one, or every SKU).
CREATE TABLE stock_untracked (
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    person text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (place, sku)
);

-- What left a place although no one counts it there: SKUs with the time they were last seen, so that a person declares or counts them.
CREATE TABLE stock_uncounted (
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (place, sku)
);

-- Units that wait for stock to arrive, by fulfilment and SKU. `tried` is how much was free when they were tried last: they are tried
-- again when more is.
CREATE TABLE stock_waiting (
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL,
    tried bigint NOT NULL,
    promised_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, key, sku)
);
CREATE INDEX stock_waiting_sku ON stock_waiting (sku, promised_at, order_id);

-- How far the events were followed: see `fact_progress`, whose columns these are.
CREATE TABLE stock_progress (
    id integer PRIMARY KEY CHECK (id = 1),
    xid xid8 NOT NULL,
    position bigint NOT NULL,
    told_to bigint NOT NULL DEFAULT 0,
    dumped_to bigint NOT NULL DEFAULT 0,
    resume xid8
);
