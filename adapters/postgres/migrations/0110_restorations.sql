-- Each time this database was put back to an earlier moment. What partners were asked between that moment and `began_at` is not known
-- here: it is looked up before it is asked again, and mails are held until a person has ended that (`ended_at`).
-- `began_at` is the first start afterwards, `known_to` the newest event's position then: events up to there may bear transaction
-- numbers of another cluster.
CREATE TABLE restorations (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    how text NOT NULL,
    taken_at timestamptz,
    restored_at timestamptz NOT NULL DEFAULT now(),
    began_at timestamptz,
    known_to bigint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    ended_by text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT ''
);
