-- API keys, and what was answered to requests with an Idempotency-Key.

-- The secret itself is never stored; `digest` is its SHA-256. `channels` holds names, or '*' alone for every channel.
CREATE TABLE api_keys (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    scopes text[] NOT NULL,
    channels text[] NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- One row per key and Idempotency-Key, kept for a day. `status` is null while the request is under way.
CREATE TABLE idempotency (
    api_key_id text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    begun_at timestamptz NOT NULL,
    status smallint,
    body bytea,
    PRIMARY KEY (api_key_id, idempotency_key)
);

-- For the daily removal of old rows.
CREATE INDEX idempotency_age ON idempotency (begun_at);
