-- Every statement of the audit. `-- name: x` begins one.

-- name: record
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb);

-- name: entries
SELECT id, at, person, action, target, channel, reason, before::text AS before, after::text AS after
FROM audit WHERE id < $1 AND ($2::text IS NULL OR target = $2) ORDER BY id DESC LIMIT $3;
