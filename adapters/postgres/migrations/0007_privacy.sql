-- Keys of what is sealed, and requests about customers' data. See docs/privacy.md.

-- The random key of each sealed body (name '') and document, wrapped by a master key that is not in this database.
-- `wrapped` null: destroyed, and nothing can open what it sealed. `customer` and `email` are keyed hashes, on the body's row
-- alone: who the customer is (by reference, else e-mail, else telephone, else the order itself), and the e-mail address.
CREATE TABLE body_keys (
    order_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    customer bytea,
    email bytea,
    master text COLLATE "C" NOT NULL,
    wrapped bytea,
    erased_at timestamptz,
    PRIMARY KEY (order_id, name)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX body_keys_customer ON body_keys (customer) WHERE customer IS NOT NULL;
CREATE INDEX body_keys_email ON body_keys (email) WHERE email IS NOT NULL;

-- Which master keys are in use, and what shows that they are still the same: a process with others must not write.
CREATE TABLE sealing_keys (
    id text COLLATE "C" PRIMARY KEY,
    proof bytea NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now()
);

-- Originals, headers and sentences are sealed, so their size and digest stand beside them.
ALTER TABLE quarantine
    ADD COLUMN size_bytes integer NOT NULL DEFAULT 0,
    ADD COLUMN digest bytea NOT NULL DEFAULT '',
    ADD COLUMN edited_bytes integer NOT NULL DEFAULT 0,
    ADD COLUMN edited_digest bytea,
    ADD COLUMN erased_at timestamptz;

UPDATE quarantine SET size_bytes = octet_length(original), digest = sha256(original),
    edited_bytes = coalesce(octet_length(edited), 0), edited_digest = sha256(edited);

-- What a customer, by law, asks of a shop, or a person here asks for him. `subject` is whom it is about, sealed; it goes when the
-- request is done. `customers`, `emails` are keyed hashes, `order_ids` the orders it names.
CREATE TABLE privacy_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text COLLATE "C" NOT NULL UNIQUE,
    channel text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('redact', 'export', 'redact_shop')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
    asked_by text NOT NULL,
    reason text NOT NULL,
    customers bytea[] NOT NULL,
    emails bytea[] NOT NULL,
    order_ids text[] NOT NULL,
    subject bytea,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    waits_for text NOT NULL DEFAULT '',
    orders integer NOT NULL DEFAULT 0,
    items integer NOT NULL DEFAULT 0,
    done_at timestamptz
);

CREATE INDEX privacy_requests_open ON privacy_requests (id) WHERE state = 'open';
