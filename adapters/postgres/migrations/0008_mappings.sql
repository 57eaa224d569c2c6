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
