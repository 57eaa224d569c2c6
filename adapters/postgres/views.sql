-- Every statement of the read side. `-- name: x` begins one. `ROW` stands for the columns of an order in a list, `AFTER` for
-- what all lists have in common: filters, cursor, order, bound.

-- name: row
o.order_id, o.channel, o.ref, o.number, o.reference, o.stage, o.progress,
CASE WHEN o.suspended <> '' THEN o.suspended ELSE o.waiting_for END AS waiting_for, o.currency, o.total_minor, o.final,
o.attention, o.version, o.placed_at, o.updated_at,
(SELECT min(t.due_at) FROM timers t WHERE t.order_id = o.order_id AND t.error = '') AS next_due_at

-- name: after
($1::text IS NULL OR o.stage = $1) AND ($2::text IS NULL OR o.progress = $2) AND ($3::text IS NULL OR o.channel = $3)
    AND ($4::bool IS NULL OR o.attention = $4) AND (o.placed_at, o.order_id) < ($5, $6)
ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $7

-- name: list_all
SELECT {row} FROM orders o WHERE {after};

-- name: list_open
SELECT {row} FROM orders o WHERE NOT o.final AND {after};

-- name: list_attention
SELECT {row} FROM orders o WHERE o.attention AND {after};

-- name: list_named
SELECT {row} FROM orders o WHERE o.order_id IN (
    SELECT order_id FROM orders WHERE order_id = ANY ($8::text[])
    UNION SELECT order_id FROM orders WHERE number = ANY ($8::text[])
    UNION SELECT order_id FROM orders WHERE ref = ANY ($8::text[])
) AND {after};

-- name: named
SELECT o.order_id, o.channel, o.number, o.ref FROM orders o WHERE o.order_id IN (
    SELECT order_id FROM orders WHERE order_id = ANY ($1::text[])
    UNION SELECT order_id FROM orders WHERE number = ANY ($1::text[])
    UNION SELECT order_id FROM orders WHERE ref = ANY ($1::text[])
) AND ($2::text[] IS NULL OR o.channel = ANY ($2))
ORDER BY o.order_id = ANY ($1) DESC, o.ref = $4 DESC, o.placed_at DESC, o.order_id LIMIT $3;

-- name: row_of
SELECT {row} FROM orders o WHERE o.order_id = $1;

-- name: state_of
SELECT version, state FROM orders WHERE order_id = $1;

-- name: body_of
SELECT b.body, k.master, k.wrapped FROM order_bodies b
LEFT JOIN body_keys k ON k.order_id = b.order_id AND k.name = b.name
WHERE b.order_id = $1 AND b.name = '';

-- name: effects_of
-- The newest, because an order that was asked about for weeks has a thousand old questions. One that was not tried yet, because
-- its partner is not called, says why.
SELECT number, key, e.lane, kind, status, attempts,
    CASE WHEN error = '' AND status = 'open' THEN coalesce(t.words, '') ELSE error END AS error, due_at, at, settled_at, trace
FROM effects e LEFT JOIN troubles t ON t.lane = e.lane WHERE order_id = $1 ORDER BY number DESC LIMIT $2;

-- name: under_way
SELECT number, key, e.lane, kind, status, attempts,
    CASE WHEN error = '' AND status = 'open' THEN coalesce(t.words, '') ELSE error END AS error, due_at, at
FROM effects e LEFT JOIN troubles t ON t.lane = e.lane
WHERE order_id = $1 AND status IN ('open', 'suspended') ORDER BY number LIMIT $2;

-- name: timers_of
SELECT key, name, due_at, error FROM timers WHERE order_id = $1 ORDER BY due_at, key, name LIMIT $2;

-- name: files_of
SELECT name, key, content_type FROM documents WHERE order_id = $1 ORDER BY at, name LIMIT $2;

-- name: erased_of
SELECT erased_at FROM body_keys WHERE order_id = $1 AND name = '' AND wrapped IS NULL;

-- name: events_of
SELECT version, type, body, at FROM events WHERE order_id = $1 ORDER BY version DESC LIMIT $2;

-- name: events_of_type
SELECT body FROM events WHERE order_id = $1 AND type = $2 ORDER BY version LIMIT $3;

-- name: told_of
SELECT body, at FROM events WHERE order_id = $1 AND type = any($2) ORDER BY version LIMIT $3;

-- name: attention
SELECT count(*)::int AS orders, min(placed_at) AS oldest FROM orders WHERE attention;
