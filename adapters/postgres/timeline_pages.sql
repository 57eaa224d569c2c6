-- Every statement of timelines in parts. `-- name: x` begins one.

-- name: events
-- The newest before a version (null: of all).
SELECT version, type, body, at FROM events WHERE order_id = $1 AND version < coalesce($2::int, 2147483647)
ORDER BY version DESC LIMIT $3;

-- name: time_of
SELECT at FROM events WHERE order_id = $1 AND version = $2;

-- name: effects
-- The newest of those that began or ended within some time. One that was not tried yet, because its partner is not called, says why.
SELECT number, key, e.lane, kind, status, attempts,
    CASE WHEN error = '' AND status = 'open' THEN coalesce(t.words, '') ELSE error END AS error, due_at, at, settled_at, trace
FROM effects e LEFT JOIN troubles t ON t.lane = e.lane
WHERE order_id = $1 AND (at >= $2 AND at < $3 OR settled_at >= $2 AND settled_at < $3) ORDER BY number DESC LIMIT $4;

-- name: erased
SELECT erased_at FROM body_keys WHERE order_id = $1 AND name = '' AND wrapped IS NULL;
