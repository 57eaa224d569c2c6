-- Which secrets sign correlation ids: a process that has another one under the same id must not begin, for it would refuse the
-- reports of orders that are under way. Nothing can be signed with a proof.
CREATE TABLE signing_keys (
    id text COLLATE "C" PRIMARY KEY,
    proof bytea NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now()
);
