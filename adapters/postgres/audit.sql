-- Every statement of the audit. `-- name: x` begins one.

-- name: record
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb);

-- name: entries
SELECT id, at, person, action, target, channel, reason, before::text AS before, after::text AS after
FROM audit WHERE id < $1 AND ($2::text IS NULL OR target = $2) ORDER BY id DESC LIMIT $3;

-- name: columns
SELECT id, at, person, action, target, channel, reason, before::text AS before, after::text AS after FROM audit

-- name: actions
-- From each verb to the next by the index: there are few, however many rows there are.
WITH RECURSIVE found AS (
    SELECT min(action COLLATE "C") AS action, 1 AS place FROM audit
    UNION ALL
    SELECT (SELECT min(a.action COLLATE "C") FROM audit a WHERE a.action COLLATE "C" > found.action), found.place + 1
    FROM found WHERE found.action IS NOT NULL AND found.place < 200
)
SELECT action FROM found WHERE action IS NOT NULL;
