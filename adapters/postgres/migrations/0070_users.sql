-- Who may use the console, their sessions, and links that sign in once.

-- `password` is an argon2 hash with its parameters, '' for none: such a user signs in by a link alone. `channels` holds names, or
-- '*' alone for every channel. A row is never deleted: the audit names it.
CREATE TABLE users (
    name text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    role text NOT NULL CHECK (role IN ('viewer', 'agent', 'operator', 'admin')),
    channels text[] NOT NULL,
    password text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz,
    disabled_at timestamptz
);

-- The token itself is never stored; `digest` is its SHA-256. `seen_at` is exact to some minutes.
CREATE TABLE user_sessions (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    name text COLLATE "C" NOT NULL,
    begun_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE INDEX user_sessions_name ON user_sessions (name);

CREATE TABLE user_links (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    name text COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL
);
