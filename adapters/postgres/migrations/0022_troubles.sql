-- Partners that are not called at present, by lane: since when and why, in a sentence. The running service keeps it up to date.
CREATE TABLE troubles (
    lane text COLLATE "C" PRIMARY KEY,
    words text NOT NULL,
    since timestamptz NOT NULL
);
