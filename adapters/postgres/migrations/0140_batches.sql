-- One decision for many orders: a batch, and the orders that it was begun for.

-- `filter` is how the orders were found, without personal data; `channels` are those of whoever began it (null: all). Its orders are
-- fixed when it begins. `ended_at` is when the last of them had decided; a stopped one sends nothing more.
CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verb text NOT NULL,
    target text NOT NULL,
    filter text NOT NULL,
    failures_of bigint,
    reason text NOT NULL,
    person text NOT NULL,
    channels text[],
    per_second int NOT NULL CHECK (per_second BETWEEN 1 AND 500),
    orders int NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'ended')),
    created_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX batches_under_way ON batches (id) WHERE ended_at IS NULL;

-- `targets` is noted before anything is sent: a JSON array with the target of each decision, which is sent under the same name
-- however often (`tries`). `why` is the sentence of a failure.
CREATE TABLE batch_orders (
    batch_id bigint NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    place int NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'done', 'failed')),
    targets text NOT NULL DEFAULT '',
    sent_at timestamptz,
    tries int NOT NULL DEFAULT 0,
    why text NOT NULL DEFAULT '',
    PRIMARY KEY (batch_id, order_id)
) WITH (
    -- Updated twice, soon after each other.
    autovacuum_vacuum_scale_factor = 0.05
);

CREATE INDEX batch_orders_by_state ON batch_orders (batch_id, state, place);
