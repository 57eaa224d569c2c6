-- What people decide about payloads that did not pass the edge, and the audit of whatever people decide.

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

-- `attempt` goes up with every edit and whenever a released item comes back: together with the delivery id it names exactly
-- these bytes, so releasing them twice is one delivery. The three `released_` columns say under which name, in which attempt
-- and with which bytes (SHA-256) the item was last put into the stream.
ALTER TABLE quarantine
    ADD COLUMN fingerprint text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'released', 'discarded')),
    ADD COLUMN state_at timestamptz,
    ADD COLUMN attempt integer NOT NULL DEFAULT 1,
    ADD COLUMN edited bytea,
    ADD COLUMN edited_by text NOT NULL DEFAULT '',
    ADD COLUMN edited_at timestamptz,
    ADD COLUMN released_as text COLLATE "C",
    ADD COLUMN released_attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN released_digest bytea;

-- What came before has a coarser group: its channel and reason.
UPDATE quarantine SET fingerprint = substr(encode(sha256(convert_to(channel || ' ' || reason, 'UTF8')), 'hex'), 1, 16);

CREATE INDEX quarantine_released ON quarantine (released_as) WHERE released_as IS NOT NULL;
CREATE INDEX quarantine_groups ON quarantine (fingerprint, id);
CREATE INDEX quarantine_open ON quarantine (id) WHERE state = 'open';
