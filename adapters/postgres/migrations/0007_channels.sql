-- What is kept of channels: mappings, and how far each one's sync has come.

-- The mappings of what channels call things: every version that ever held, the highest is the current one.
CREATE TABLE mappings (
    version integer PRIMARY KEY CHECK (version > 0),
    at timestamptz NOT NULL,
    person text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL CHECK (source IN ('api', 'command line', 'file')),
    document bytea NOT NULL
);

CREATE TRIGGER mappings_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON mappings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row a channel and job (`backfill`, `subscriptions`).
CREATE TABLE channel_sync (
    channel text COLLATE "C" NOT NULL,
    job text COLLATE "C" NOT NULL,
    -- Everything that changed at the channel before this was compared with ours; null before the first comparison.
    position timestamptz,
    -- Whether the last round reached the end of its window: the next one goes on at `position` if not.
    complete boolean NOT NULL,
    tried_at timestamptz NOT NULL,
    succeeded_at timestamptz,
    good boolean NOT NULL,
    outcome text NOT NULL,
    missed bigint NOT NULL,
    PRIMARY KEY (channel, job)
);
