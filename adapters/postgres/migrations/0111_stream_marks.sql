-- How often the newest event was named in the streams, so that a start notices which of the two stores was put back without the
-- other. The streams are told first: theirs is one ahead at most.
CREATE TABLE stream_marks (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    number bigint NOT NULL,
    at timestamptz NOT NULL
);
