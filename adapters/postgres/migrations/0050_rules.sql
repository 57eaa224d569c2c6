-- The seller's rules: every version that was ever stored, and which of them was in use when. Neither is ever changed.
CREATE TABLE rules (
    version integer PRIMARY KEY CHECK (version > 0),
    at timestamptz NOT NULL,
    person text NOT NULL,
    reason text NOT NULL,
    document bytea NOT NULL
);

CREATE TRIGGER rules_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON rules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The highest position is in use: a publication, an approval by a second person, or a return to an earlier version.
CREATE TABLE rules_in_use (
    position integer PRIMARY KEY CHECK (position > 0),
    version integer NOT NULL REFERENCES rules (version),
    at timestamptz NOT NULL,
    person text NOT NULL,
    reason text NOT NULL,
    how text NOT NULL CHECK (how IN ('published', 'approved', 'rolled back'))
);

CREATE TRIGGER rules_in_use_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON rules_in_use
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
