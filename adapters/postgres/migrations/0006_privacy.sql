-- Which secrets this database needs, and requests about customers' data. See docs/privacy.md.

-- Which master keys are in use, and what shows that they are still the same: a process with others must not write.
CREATE TABLE sealing_keys (
    id text COLLATE "C" PRIMARY KEY,
    proof bytea NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now()
);

-- Which secrets sign references: a process that has another one under the same id must not begin, for it would refuse the
-- reports of orders that are under way. Nothing can be signed with a proof.
CREATE TABLE signing_keys (
    id text COLLATE "C" PRIMARY KEY,
    proof bytea NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now()
);

-- What a customer, by law, asks of a shop, or a person here asks for him. `subject` is whom it is about, sealed; it goes when the
-- request is done. `customers`, `emails`, `phones` are keyed hashes, `order_ids` the orders it names. `forced`: a person said not to
-- wait for orders that are under way. `hastened`: a person cut the grace period short.
CREATE TABLE privacy_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text COLLATE "C" NOT NULL UNIQUE,
    channel text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('redact', 'export', 'redact_shop')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'stopped')),
    asked_by text NOT NULL,
    reason text NOT NULL,
    customers bytea[] NOT NULL,
    emails bytea[] NOT NULL,
    phones bytea[] NOT NULL DEFAULT '{}',
    order_ids text[] NOT NULL,
    subject bytea,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    waits_for text NOT NULL DEFAULT '',
    orders integer NOT NULL DEFAULT 0,
    items integer NOT NULL DEFAULT 0,
    done_at timestamptz,
    forced boolean NOT NULL DEFAULT false,
    hastened boolean NOT NULL DEFAULT false
);

CREATE INDEX privacy_requests_open ON privacy_requests (id) WHERE state = 'open';
