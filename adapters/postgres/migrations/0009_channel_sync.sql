-- How far the sync of each channel has come: one row a channel and job (`backfill`, `subscriptions`).

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

-- What was refused at the edge is not missed: a listed order is looked for among it.
CREATE INDEX quarantine_refs ON quarantine (channel, ref);
