-- Every statement of the accounting export. `-- name: x` begins one.

-- name: place
-- Whoever enters documents holds this row. A place that this cluster can't have reached is of a dump that was restored: what is
-- written from now on is read.
SELECT CASE WHEN xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE xid END AS xid,
    CASE WHEN xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN 0 ELSE position END AS position
FROM book_progress WHERE id = 1 FOR UPDATE;

-- name: read
SELECT order_id, type, xid, position FROM events
WHERE (xid, position) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, position LIMIT $3;

-- name: reached
UPDATE book_progress SET xid = $1::xid8, position = $2 WHERE id = 1;

-- name: orders
-- Orders as they stand, with when their money changed last by one of these kinds of events.
SELECT o.order_id, o.channel, o.ref, o.number, o.reference, o.state, o.placed_at, b.body, k.master, k.wrapped,
    s.body AS stated, l.master AS stated_master, l.wrapped AS stated_wrapped,
    (SELECT max(e.at) FROM events e WHERE e.order_id = o.order_id AND e.type = ANY ($2::text[])) AS moved_at
FROM orders o
LEFT JOIN order_bodies b ON b.order_id = o.order_id AND b.name = ''
LEFT JOIN body_keys k ON k.order_id = o.order_id AND k.name = ''
LEFT JOIN order_bodies s ON s.order_id = o.order_id AND s.name = 'stated'
LEFT JOIN body_keys l ON l.order_id = o.order_id AND l.name = 'stated'
WHERE o.order_id = ANY ($1::text[]) AND o.stage <> 'expected' ORDER BY o.order_id;

-- name: entered
SELECT order_id, part, number, currency, entries FROM book_documents WHERE order_id = ANY ($1::text[]) ORDER BY order_id, part, number;

-- name: enter
INSERT INTO book_documents (order_id, part, number, kind, channel, ref, order_number, reference, day, currency, entries, at)
SELECT n.*, $1 FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::date[],
    $11::text[], $12::jsonb[])
    AS n (order_id, part, number, kind, channel, ref, order_number, reference, day, currency, entries);

-- name: documents
-- $1: the channels that may be seen (null: all). By day, and then in the order in which they were entered.
SELECT id, order_id, part, number, kind, channel, ref, order_number, reference, day, currency, entries FROM book_documents
WHERE ($1::text[] IS NULL OR channel = ANY ($1)) AND day BETWEEN $2 AND $3 AND (day, id) > ($4, $5) ORDER BY day, id LIMIT $6;
