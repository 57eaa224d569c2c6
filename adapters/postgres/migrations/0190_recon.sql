-- Reconciliation: runs that compare our books with those of the partners, and the differences that they found.

-- `steps` are the lists that are read, one after another: `step` counts those that are done, `cursor` is how far the next one is.
-- `matched` is the last key that was compared once all are read. `absent` says which lists a partner does not have, `tries` how often the
-- next page failed in a row, and why.
CREATE TABLE recon_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request text NOT NULL DEFAULT '',
    channels text[] NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > since),
    person text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'matching', 'ended', 'failed', 'stopped')),
    steps text[] NOT NULL,
    step int NOT NULL DEFAULT 0,
    cursor text NOT NULL DEFAULT '',
    matched text COLLATE "C" NOT NULL DEFAULT '',
    absent jsonb NOT NULL DEFAULT '{}',
    tries int NOT NULL DEFAULT 0,
    fault text NOT NULL DEFAULT '',
    entries bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX recon_runs_under_way ON recon_runs (id) WHERE ended_at IS NULL;

-- What the sides say, by the order that it is about (`key`), until the run has compared it. Ids and amounts; no personal data.
CREATE TABLE recon_entries (
    run_id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run_id, key, place)
);

-- What a run compared, by channel and currency; `off_minor` is what was open of it at its end.
CREATE TABLE recon_totals (
    run_id bigint NOT NULL,
    channel text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL DEFAULT 0,
    gross_minor numeric NOT NULL DEFAULT 0,
    differences bigint NOT NULL DEFAULT 0,
    off_minor numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, channel, currency)
);

-- `identity` is the same for the same difference in every run. `placed_at` is when its order was placed; of what belongs to no order it
-- is where the run that found it began.
CREATE TABLE recon_differences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity text NOT NULL UNIQUE,
    channel text NOT NULL,
    order_id text NOT NULL,
    ref text NOT NULL,
    number text NOT NULL,
    placed_at timestamptz NOT NULL,
    type text NOT NULL,
    cause text NOT NULL,
    sides text NOT NULL,
    currency text NOT NULL,
    expected_minor bigint NOT NULL,
    found_minor bigint NOT NULL,
    expected text NOT NULL,
    found text NOT NULL,
    about text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'corrected', 'resolved')),
    first_run bigint NOT NULL,
    last_run bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    decided_by text NOT NULL DEFAULT '',
    decided_why text NOT NULL DEFAULT '',
    decided_at timestamptz
);

CREATE INDEX recon_differences_by_state ON recon_differences (state, id DESC);
CREATE INDEX recon_differences_of_order ON recon_differences (order_id);
CREATE INDEX recon_differences_of_run ON recon_differences (last_run);
