-- Payloads that were refused, what people decide about them, and the audit of whatever people decide.

-- Whole, as it came, and sealed. What is kept is bounded by number, age and bytes: see quarantine.py. `sentences` and `headers` are
-- JSON; sizes and digests stand beside what is sealed. `attempt` goes up with every edit and whenever a released item comes back:
-- together with the delivery id it names exactly these bytes, so releasing them twice is one delivery. The three `released_` columns
-- say under which name, in which attempt and with which bytes (SHA-256) the item was last put into the stream.
CREATE TABLE quarantine (
    delivery_id text COLLATE "C" PRIMARY KEY,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    channel text NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    sentences bytea NOT NULL,
    headers bytea NOT NULL,
    original bytea NOT NULL,
    at timestamptz NOT NULL,
    fingerprint text COLLATE "C" NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'released', 'discarded')),
    state_at timestamptz,
    attempt integer NOT NULL DEFAULT 1,
    edited bytea,
    edited_by text NOT NULL DEFAULT '',
    edited_at timestamptz,
    released_as text COLLATE "C",
    released_attempt integer NOT NULL DEFAULT 0,
    released_digest bytea,
    size_bytes integer NOT NULL DEFAULT 0,
    digest bytea NOT NULL DEFAULT '',
    edited_bytes integer NOT NULL DEFAULT 0,
    edited_digest bytea,
    erased_at timestamptz
);

CREATE INDEX quarantine_reasons ON quarantine (reason, id);
CREATE INDEX quarantine_released ON quarantine (released_as) WHERE released_as IS NOT NULL;
CREATE INDEX quarantine_groups ON quarantine (fingerprint, id);
CREATE INDEX quarantine_open ON quarantine (id) WHERE state = 'open';
-- What was refused is not missed: a listed order is looked for among it.
CREATE INDEX quarantine_refs ON quarantine (channel, ref);

-- Who did what to what, when and why. `before` and `after` hold digests and states, never a payload: rows stay permanently.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    person text NOT NULL,
    action text NOT NULL,
    target text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    reason text NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL
);

CREATE INDEX audit_targets ON audit (target, id);

CREATE TRIGGER audit_rows_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
