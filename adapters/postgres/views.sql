-- Every statement of the read side. `-- name: x` begins one. `ROW` stands for the columns of an order in a list, `AFTER` for
-- what all lists have in common: filters, cursor, order, bound.

-- name: row
o.order_id, o.channel, o.ref, o.number, o.reference, o.stage, o.progress,
CASE WHEN o.suspended <> '' THEN o.suspended ELSE o.waiting_for END AS waiting_for, o.currency, o.total_minor, o.final,
o.attention, o.version, o.placed_at, o.updated_at,
(SELECT min(t.due_at) FROM timers t WHERE t.order_id = o.order_id) AS next_due_at

-- name: after
($1::text IS NULL OR o.stage = $1) AND ($2::text IS NULL OR o.channel = $2) AND ($3::bool IS NULL OR o.attention = $3)
    AND (o.placed_at, o.order_id) < ($4, $5)
ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $6

-- name: list_all
SELECT {row} FROM orders o WHERE {after};

-- name: list_open
SELECT {row} FROM orders o WHERE NOT o.final AND {after};

-- name: list_attention
SELECT {row} FROM orders o WHERE o.attention AND {after};

-- name: list_named
SELECT {row} FROM orders o WHERE o.order_id IN (
    SELECT order_id FROM orders WHERE order_id = ANY ($7::text[])
    UNION SELECT order_id FROM orders WHERE number = ANY ($7::text[])
    UNION SELECT order_id FROM orders WHERE ref = ANY ($7::text[])
) AND {after};

-- name: row_of
SELECT {row} FROM orders o WHERE o.order_id = $1;

-- name: effects_of
-- The newest, because an order that was asked about for weeks has a thousand old questions.
SELECT number, key, lane, kind, status, attempts, error, due_at, at, settled_at, trace
FROM effects WHERE order_id = $1 AND ($2::bool IS FALSE OR status IN ('open', 'person', 'suspended')) ORDER BY number DESC LIMIT $3;

-- name: timers_of
SELECT key, name, due_at, error FROM timers WHERE order_id = $1 ORDER BY due_at, key, name LIMIT $2;

-- name: document_names_of
SELECT name FROM documents WHERE order_id = $1 ORDER BY name LIMIT $2;

-- name: erased_of
SELECT erased_at FROM body_keys WHERE order_id = $1 AND name = '' AND wrapped IS NULL;

-- name: events_of
SELECT version, type, body, at FROM events WHERE order_id = $1 ORDER BY version DESC LIMIT $2;

-- name: attention
SELECT count(*)::int AS orders, min(placed_at) AS oldest FROM orders WHERE attention;
