-- Trials of rules on the stored past that programs asked for: how far each is, and what it found. At most one runs at a time; `beat_at`
-- tells one that still runs from one whose process ended.
CREATE TABLE rule_trials (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    person text NOT NULL,
    since timestamptz NOT NULL,
    version integer NOT NULL,
    total integer NOT NULL CHECK (total >= 0),
    done integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    beat_at timestamptz NOT NULL DEFAULT now(),
    told text NOT NULL DEFAULT '',
    result bytea
);
CREATE UNIQUE INDEX rule_trials_one ON rule_trials (state) WHERE state = 'running';
