-- The bare loop's tables: the columns, keys and indexes of the product's own (adapters/postgres/migrations), without its checks.
CREATE TABLE orders (
    order_id text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL,
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
) WITH (fillfactor = 60, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);

CREATE INDEX orders_newest ON orders (placed_at DESC, order_id DESC);
CREATE INDEX orders_open ON orders (placed_at DESC, order_id DESC) WHERE NOT final;
CREATE INDEX orders_attention ON orders (placed_at DESC, order_id DESC) WHERE attention;
CREATE INDEX orders_suspended ON orders (order_id) WHERE suspended <> '';
CREATE INDEX orders_number ON orders (number);
CREATE INDEX orders_ref ON orders (ref);

CREATE TABLE order_bodies (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, name)
) WITH (toast_tuple_target = 8160);

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

CREATE TABLE events (
    order_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (order_id, version)
) WITH (toast_tuple_target = 8160);

CREATE INDEX events_reading ON events (xid, position);

CREATE TABLE inbox (
    order_id text COLLATE "C" NOT NULL,
    input_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, input_id)
);

CREATE TABLE effects (
    order_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    partition smallint NOT NULL,
    key text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL DEFAULT 'open',
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    written_by bigint NOT NULL,
    error text NOT NULL DEFAULT '',
    trace text NOT NULL,
    at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (order_id, number)
) WITH (fillfactor = 80, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);

CREATE INDEX effects_open ON effects (lane, due_at, partition) WHERE status = 'open';
CREATE INDEX effects_suspended ON effects (order_id) WHERE status = 'suspended';

CREATE TABLE timers (
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    due_at timestamptz NOT NULL,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (order_id, key, name)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1);

CREATE INDEX timers_due ON timers (due_at, partition) WHERE error = '';
CREATE INDEX timers_suspended ON timers (order_id) WHERE error <> '';

CREATE TABLE documents (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    content_type text NOT NULL,
    content bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, name)
);

CREATE TABLE reservations (
    order_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    line_id text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    quantity integer NOT NULL,
    change integer NOT NULL,
    number integer NOT NULL,
    tracked boolean NOT NULL,
    reserved_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, key, line_id, sku, place)
);

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
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE exchanges ALTER COLUMN said SET STORAGE EXTERNAL;

CREATE INDEX exchanges_of_order ON exchanges (order_id, id);
