-- Every statement that follows orders' events for the stock. `-- name: x` begins one.

-- name: begin
-- See `begin` in facts.sql: a place that this cluster can't have reached yet is of a dump that was restored. A fresh installation, and
-- one that had no ledger before, begins with the first event: what was done already is not done again.
INSERT INTO stock_progress AS p (id, xid, position) VALUES (1, '0', 0)
ON CONFLICT (id) DO UPDATE SET
    dumped_to = coalesce(pg_sequence_last_value('events_position_seq'), 0), resume = pg_snapshot_xmin(pg_current_snapshot())
    WHERE coalesce(p.resume, p.xid) >= pg_snapshot_xmax(pg_current_snapshot())
        OR (p.told_to = 0 AND p.dumped_to = 0
            AND EXISTS (SELECT FROM events e WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot())));

-- name: place
SELECT xid, position, told_to, dumped_to, resume FROM stock_progress WHERE id = 1 FOR UPDATE;

-- name: page_end
-- Where the page of events after ($1, $2) and above position $4 ends ($3 long), and how many it has. Of a dump (`$6`) all events up to
-- position $5 were committed, whatever this cluster counts.
SELECT xid, position, events FROM (
    SELECT e.xid, e.position, count(*) OVER () AS events FROM (
        SELECT xid, position FROM events
        WHERE (xid, position) > ($1::xid8, $2::bigint) AND position > $4 AND position <= $5
            AND ($6::bool OR xid < pg_snapshot_xmin(pg_current_snapshot()))
        ORDER BY xid, position LIMIT $3
    ) e
) e ORDER BY xid DESC, position DESC LIMIT 1;

-- name: page
-- The events of these types ($5) of the page, with their orders' states.
SELECT e.order_id, e.version, e.body, e.at, o.state, o.placed_at
FROM events e JOIN orders o ON o.order_id = e.order_id
WHERE (e.xid, e.position) > ($1::xid8, $2::bigint) AND (e.xid, e.position) <= ($3::xid8, $4::bigint)
    AND e.position > $6 AND e.position <= $7 AND e.type = ANY ($5::text[])
ORDER BY e.xid, e.position;

-- name: history
SELECT body FROM events WHERE order_id = $1 ORDER BY version;

-- name: advance
UPDATE stock_progress SET xid = $1, position = $2 WHERE id = 1;

-- name: resume
UPDATE stock_progress SET xid = resume, position = 0, told_to = dumped_to, resume = NULL WHERE id = 1 AND resume IS NOT NULL;

-- name: lock
-- The balances of which units leave. A statement after it sees what the last holder did.
SELECT count(*) FROM (
    SELECT FROM stock s WHERE (s.place, s.sku) IN (
        SELECT r.place, r.sku FROM reservations r
        JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS g (order_id, key)) g ON g.order_id = r.order_id AND g.key = r.key
        WHERE r.tracked AND r.quantity > 0
    )
    ORDER BY s.place, s.sku FOR UPDATE
) locked;

-- name: consume
-- Goods left: what was reserved of them is neither reserved nor on hand any more; on hand stays where a count of a later moment knows
-- already that they are gone. What left beyond its reservation is for the next count. Each line of a fulfilment is there once. An event
-- that was followed before changes nothing.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::float8[])
        AS g (order_id, key, line_id, quantity, number, at)
),
held AS MATERIALIZED (
    SELECT
        r.order_id, r.key, r.line_id, r.sku, r.place, r.tracked, least(r.quantity, g.quantity) AS units, g.number,
        to_timestamp(g.at) AS at, s.counted_at
    FROM given g JOIN reservations r ON r.order_id = g.order_id AND r.key = g.key AND r.line_id = g.line_id
    LEFT JOIN stock s ON s.place = r.place AND s.sku = r.sku
    WHERE r.quantity > 0 AND r.left_by < g.number
),
left_with AS (
    UPDATE reservations r SET
        quantity = r.quantity - h.units, gone = r.gone + CASE WHEN r.tracked THEN h.units ELSE 0 END,
        left_by = h.number, changed_at = now()
    FROM held h
    WHERE r.order_id = h.order_id AND r.key = h.key AND r.line_id = h.line_id AND r.sku = h.sku AND r.place = h.place
),
told AS (
    INSERT INTO stock_movements (at, kind, place, sku, on_hand, reserved, order_id, key, line_id, number)
    SELECT at, 'consumed', place, sku, CASE WHEN at > counted_at THEN -units ELSE 0 END, -units, order_id, key, line_id, number
    FROM held WHERE tracked
),
seen AS (
    INSERT INTO stock_uncounted AS u (place, sku, units, last_at)
    SELECT place, sku, sum(units), max(at) FROM held WHERE NOT tracked GROUP BY place, sku
    ON CONFLICT (place, sku) DO UPDATE SET units = u.units + excluded.units, last_at = greatest(u.last_at, excluded.last_at)
)
UPDATE stock s SET
    reserved = s.reserved - h.units, on_hand = s.on_hand - h.gone,
    missing = least(s.missing, greatest(0, s.reserved - h.units + s.safety - s.on_hand + h.gone))
FROM (
    SELECT place, sku, sum(units) AS units, sum(CASE WHEN at > counted_at THEN units ELSE 0 END) AS gone
    FROM held WHERE tracked GROUP BY place, sku
) h
WHERE s.place = h.place AND s.sku = h.sku;

-- name: waits
INSERT INTO stock_waiting AS w (order_id, key, sku, quantity, tried, promised_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])
ON CONFLICT (order_id, key, sku) DO UPDATE SET
    quantity = excluded.quantity, tried = excluded.tried, promised_at = excluded.promised_at;

-- name: anyone_waiting
SELECT EXISTS (SELECT FROM stock_waiting);

-- name: no_longer
-- Who does not wait for stock any more: it was found, cancelled, or granted by a person. One that is being tried waits again when the
-- event says so.
DELETE FROM stock_waiting w
WHERE NOT EXISTS (SELECT FROM timers t WHERE t.order_id = w.order_id AND t.key = w.key AND t.name = 'stock');

-- name: lower
-- What is free at all places now, where that is less than what was tried: so that the next arrival counts.
WITH free AS MATERIALIZED (
    SELECT s.sku, sum(greatest(0, s.on_hand - s.safety - s.reserved)) AS units FROM stock s
    WHERE s.sku IN (SELECT sku FROM stock_waiting) GROUP BY s.sku
)
UPDATE stock_waiting w SET tried = f.units FROM free f WHERE f.sku = w.sku AND w.tried > f.units;

-- name: arrived
-- Whom what is free now suffices for, the oldest promise first, where more is free than when they were tried: their timers are due
-- now, one after the other. Returns which.
WITH free AS MATERIALIZED (
    SELECT s.sku, sum(greatest(0, s.on_hand - s.safety - s.reserved)) AS units FROM stock s
    WHERE s.sku IN (SELECT sku FROM stock_waiting) GROUP BY s.sku
),
ranked AS (
    SELECT w.*, f.units, sum(w.quantity) OVER (PARTITION BY w.sku ORDER BY w.promised_at, w.order_id, w.key) AS needed
    FROM stock_waiting w JOIN free f ON f.sku = w.sku WHERE f.units > 0
),
chosen AS MATERIALIZED (
    SELECT order_id, key, min(promised_at) AS promised_at FROM ranked
    -- The first that does not get all of it may be split, and sent in part.
    WHERE units > tried AND needed - quantity < units
    GROUP BY order_id, key ORDER BY min(promised_at), order_id, key LIMIT $2
),
tried AS (
    UPDATE stock_waiting w SET tried = r.units FROM ranked r
    WHERE w.order_id = r.order_id AND w.key = r.key AND w.sku = r.sku AND (w.order_id, w.key) IN (SELECT order_id, key FROM chosen)
)
UPDATE timers t SET due_at = $1::timestamptz + c.rank * interval '1 microsecond'
FROM (SELECT *, row_number() OVER (ORDER BY promised_at, order_id, key) AS rank FROM chosen) c
WHERE t.order_id = c.order_id AND t.key = c.key AND t.name = 'stock' AND t.error = '' AND t.due_at > $1
RETURNING t.order_id, t.key;
