-- Every statement of saved views. `-- name: x` begins one.

-- name: lock
-- Two who save at once are counted one after the other.
SELECT pg_advisory_xact_lock(hashtext('order_views'));

-- name: seen
-- $1: whose own views; $2: as many as there can be.
SELECT id, owner, name, filter, shared FROM order_views WHERE shared OR owner = $1 ORDER BY shared, name, id LIMIT $2;

-- name: named
SELECT id, owner FROM order_views WHERE name = $2 AND shared = $3 AND (shared OR owner = $1);

-- name: counted
SELECT count(*)::int FROM order_views WHERE shared = $2 AND (shared OR owner = $1);

-- name: add
INSERT INTO order_views (owner, name, filter, shared, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: change
UPDATE order_views SET filter = $2 WHERE id = $1 RETURNING id;

-- name: remove
-- $2: who asks; $3: whether also a shared view of somebody else.
DELETE FROM order_views WHERE id = $1 AND (owner = $2 OR (shared AND $3)) RETURNING name, shared;

-- name: audit
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, 'view:' || $4::bigint, '', $5, '{}', $6::jsonb);
