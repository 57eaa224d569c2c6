-- The journal: what was decided, what is intended, what is due, and who may write.
--
-- Ids are compared byte by byte (COLLATE "C"): cheaper than any language's order and the same on every machine.
-- There are no foreign keys: one statement writes all rows of an append or none of them.
-- `toast_tuple_target = 8160` keeps rows up to a page in place and uncompressed: compression of a two-kilobyte row costs the
-- server more than the rest of its insert. Partitioning by month later: `at` is in every large table; it then joins the key.

-- One row per order: its version and state (the truth's fold), and what lists show (the read model). `reference` is the order's
-- own signed name; its first character says which key signs those of its things, so it never changes. `needs_person` is what the
-- order's decisions say, `suspended` why something of it can't be decided at all ("" for nothing): see `timers` and `effects`.
CREATE TABLE orders (
    order_id text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    partition smallint NOT NULL,
    channel text NOT NULL,
    ref text NOT NULL,
    number text NOT NULL,
    reference text NOT NULL,
    stage text NOT NULL,
    progress text NOT NULL,
    waiting_for text NOT NULL,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    final boolean NOT NULL,
    needs_person boolean NOT NULL,
    suspended text NOT NULL DEFAULT '',
    attention boolean NOT NULL GENERATED ALWAYS AS (needs_person OR suspended <> '') STORED,
    state bytea NOT NULL,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    progress_since timestamptz NOT NULL
) WITH (
    -- An order's row is rewritten a dozen times in its first day. Room on its own page makes these updates heap-only:
    -- no index is touched and the next reader of the page clears the old versions away.
    fillfactor = 60, toast_tuple_target = 8160,
    -- The default (a fifth of the table) would let two million dead rows gather at ten million orders.
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1
);

-- The canonical order as JSON, sealed, apart from the row which changes often and apart from events, which hold no personal data:
-- name '' is the one acted on, 'stated' the channel's latest statement where it differs.
CREATE TABLE order_bodies (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, name)
) WITH (toast_tuple_target = 8160);

-- The random key of each sealed body and document, under the same name, wrapped by a master key that is not in this database.
-- `wrapped` null: destroyed, and nothing can open what it sealed. `customer`, `email` and `phone` are keyed hashes, on the rows of
-- bodies alone: who the customer is (by reference, else e-mail, else telephone, else the order itself), and how to reach him.
CREATE TABLE body_keys (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    customer bytea,
    email bytea,
    phone bytea,
    master text COLLATE "C" NOT NULL,
    wrapped bytea,
    erased_at timestamptz,
    PRIMARY KEY (order_id, name)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX body_keys_customer ON body_keys (customer) WHERE customer IS NOT NULL;
CREATE INDEX body_keys_email ON body_keys (email) WHERE email IS NOT NULL;
CREATE INDEX body_keys_phone ON body_keys (phone) WHERE phone IS NOT NULL;

-- What was decided. The key is the check that one order has one writer. `body` is the encoded event: bytes, because the server
-- never needs to look inside on the way in; `events_readable` shows it to people.
CREATE TABLE events (
    order_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (order_id, version)
) WITH (
    toast_tuple_target = 8160,
    -- Never updated, so only inserts count: visit often enough that freezing is never a surprise of hours.
    autovacuum_vacuum_insert_scale_factor = 0.05
);

-- The order in which readers go (see reader.py).
CREATE INDEX events_reading ON events (xid, position);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are facts and are never changed or deleted; record a new event instead.', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `json`, not `jsonb`: it shows the bytes as they were decided, also such as jsonb refuses.
CREATE VIEW events_readable AS
    SELECT order_id, version, type, convert_from(body, 'UTF8')::json AS body, at, xid, position FROM events;

-- Which inputs each order has taken. `version` is the order's version after it: it joins an input to its events.
CREATE TABLE inbox (
    order_id text COLLATE "C" NOT NULL,
    input_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, input_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- Intents to call a partner for one thing of an order (`key`), by the lane of a partner instance. `attempts` counts calls that may
-- have reached it; `written_by` is the lease epoch of the writer. `sought`: a person went on without it at `settled_at`, and
-- whether it was done is looked up at `due_at`. `suspended`: what it led to can't be decided (`error` says why).
CREATE TABLE effects (
    order_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    partition smallint NOT NULL,
    key text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL DEFAULT 'open'
        CONSTRAINT effects_status CHECK (status IN ('open', 'done', 'refused', 'person', 'sought', 'suspended')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    written_by bigint NOT NULL,
    error text NOT NULL DEFAULT '',
    trace text NOT NULL,
    at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (order_id, number)
) WITH (
    -- Each row is updated once or twice soon after its insert: noted (in place), then settled.
    fillfactor = 80, toast_tuple_target = 8160,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1
);

-- Small, whatever the table's age: it holds only what is still to be done.
CREATE INDEX effects_open ON effects (lane, due_at, partition) WHERE status IN ('open', 'sought');
CREATE INDEX effects_suspended ON effects (order_id) WHERE status = 'suspended';

-- What is due for a thing of an order (`key`). One with an `error` can't be decided and fires no more.
CREATE TABLE timers (
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    due_at timestamptz NOT NULL,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (order_id, key, name)
) WITH (
    -- Set, moved and deleted all day: a queue. Vacuum it by count, whatever its size.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1
);

CREATE INDEX timers_due ON timers (due_at, partition) WHERE error = '';
CREATE INDEX timers_suspended ON timers (order_id) WHERE error <> '';

-- Files that belong to a thing of an order (`key`). Labels are PNG, PDF or ZPL: most are compressed already.
CREATE TABLE documents (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    content_type text NOT NULL,
    content bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, name)
);
ALTER TABLE documents ALTER COLUMN content SET STORAGE EXTERNAL;

-- Who may write the orders of a partition, and (-1) who does the jobs that must run once. `epoch` grows with every change of hands, and every append names it.
CREATE TABLE leases (
    partition integer PRIMARY KEY,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (
    -- Renewed every few seconds and locked by every commit: keep the few pages nearly empty and clean.
    fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
);

-- Lists and searches of the read model. None of them holds a column that most updates change (stage, version): such an index
-- would end the heap-only updates of `orders`. `final` and `attention` change once or seldom.
CREATE INDEX orders_newest ON orders (placed_at DESC, order_id DESC);
CREATE INDEX orders_open ON orders (placed_at DESC, order_id DESC) WHERE NOT final;
CREATE INDEX orders_attention ON orders (placed_at DESC, order_id DESC) WHERE attention;
CREATE INDEX orders_suspended ON orders (order_id) WHERE suspended <> '';
CREATE INDEX orders_number ON orders (number);
CREATE INDEX orders_ref ON orders (ref);
