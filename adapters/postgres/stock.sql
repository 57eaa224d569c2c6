-- Every statement of stock and reservations. `-- name: x` begins one.

-- name: reserve
-- Get-or-create by order line, for many orders. A line that is reserved stays as it is; one that was released is reserved again only by
-- a later effect. The stock rows are locked in order of SKU first, so that two of these can't deadlock. Should any SKU not
-- suffice, the check of `stock` fails the whole statement and nothing is reserved.
WITH
given AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[]) AS g (order_id, line_id, sku, quantity, number)
),
locked AS MATERIALIZED (
    SELECT s.sku FROM stock s WHERE s.place = $1 AND s.sku = ANY ($4::text[]) ORDER BY s.sku FOR UPDATE
),
made AS (
    INSERT INTO reservations AS r (order_id, line_id, place, sku, quantity, number, tracked, reserved_at)
    SELECT g.order_id, g.line_id, $1, g.sku, g.quantity, g.number, (g.sku IN (SELECT sku FROM locked)) IS TRUE, now()
    FROM given g
    ON CONFLICT (order_id, line_id) DO UPDATE SET
        place = excluded.place, sku = excluded.sku, quantity = excluded.quantity, number = excluded.number,
        tracked = excluded.tracked, reserved_at = excluded.reserved_at, released_at = NULL
        WHERE r.released_at IS NOT NULL AND r.number < excluded.number
    RETURNING r.sku, r.quantity, r.tracked
)
UPDATE stock s SET reserved = s.reserved + m.quantity
FROM (SELECT sku, sum(quantity) AS quantity FROM made WHERE tracked GROUP BY sku) m
WHERE s.place = $1 AND s.sku = m.sku;

-- name: lock_stock
SELECT sku, on_hand - safety - reserved AS free FROM stock WHERE place = $1 AND sku = ANY ($2::text[]) ORDER BY sku FOR UPDATE;

-- name: reservations
SELECT order_id, line_id, number, released_at IS NULL AS held FROM reservations WHERE order_id = ANY ($1::text[]);

-- name: release
-- A reservation goes back to the place it was taken from. Repeats and older effects find nothing to release.
WITH
given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::int[]) AS g (order_id, number)
),
locked AS MATERIALIZED (
    SELECT s.place, s.sku FROM stock s
    WHERE (s.place, s.sku) IN (SELECT r.place, r.sku FROM reservations r JOIN given g ON g.order_id = r.order_id)
    ORDER BY s.place, s.sku FOR UPDATE
),
ended AS (
    UPDATE reservations r SET released_at = now(), number = g.number
    FROM given g
    -- Always true; makes the stock rows be locked before any reservation is.
    WHERE (SELECT count(*) FROM locked) >= 0
        AND r.order_id = g.order_id AND r.released_at IS NULL AND r.number < g.number
    RETURNING r.place, r.sku, r.quantity, r.tracked
)
UPDATE stock s SET reserved = s.reserved - e.quantity
FROM (SELECT place, sku, sum(quantity) AS quantity FROM ended WHERE tracked GROUP BY place, sku) e
WHERE s.place = e.place AND s.sku = e.sku;

-- name: seed
-- What is reserved stays; the check refuses to go below it.
INSERT INTO stock AS s (place, sku, on_hand, safety)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS g (place, sku, on_hand, safety) ORDER BY place, sku
ON CONFLICT (place, sku) DO UPDATE SET on_hand = excluded.on_hand, safety = excluded.safety;

-- name: stock_levels
SELECT place, sku, on_hand, safety, reserved FROM stock WHERE (place, sku) > ($1, $2) ORDER BY place, sku LIMIT $3;
