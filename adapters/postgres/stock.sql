-- Every statement of stock and reservations. `-- name: x` begins one.

-- name: reserve
-- Get-or-create by fulfilment, line, SKU and place, for many orders: what is held already is filled up to what is asked, never
-- lowered, and only by an effect later than the last one that wrote. The stock rows are locked in order of place and SKU first, so
-- that two of these can't deadlock. Should any SKU not suffice, the check of `stock` fails the whole statement and nothing is
-- reserved.
WITH
given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[])
        AS g (order_id, key, line_id, sku, place, quantity, number)
),
locked AS MATERIALIZED (
    SELECT s.place, s.sku FROM stock s WHERE (s.place, s.sku) IN (SELECT place, sku FROM given)
    ORDER BY s.place, s.sku FOR UPDATE
),
refused AS (
    -- What is counted at another place and neither counted nor declared untracked at this one is not there: the check of `stock` fails
    -- the statement. What a fulfilment holds of it from before stays.
    INSERT INTO stock (place, sku, on_hand, reserved)
    SELECT DISTINCT g.place, g.sku, 0, 1 FROM given g
    WHERE ((g.place, g.sku) IN (SELECT place, sku FROM locked)) IS NOT TRUE
        AND EXISTS (SELECT FROM stock s WHERE s.sku = g.sku)
        AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', g.place) AND t.sku IN ('*', g.sku))
        AND NOT EXISTS (
            SELECT FROM reservations r
            WHERE r.order_id = g.order_id AND r.key = g.key AND r.line_id = g.line_id AND r.sku = g.sku AND r.place = g.place
                AND r.quantity > 0 AND NOT r.tracked
        )
),
made AS (
    INSERT INTO reservations AS r (
        order_id, key, line_id, sku, place, quantity, change, number, tracked, reserved_at, changed_at
    )
    SELECT
        g.order_id, g.key, g.line_id, g.sku, g.place, g.quantity, g.quantity, g.number,
        ((g.place, g.sku) IN (SELECT place, sku FROM locked)) IS TRUE, now(), now()
    FROM given g
    ON CONFLICT (order_id, key, line_id, sku, place) DO UPDATE SET
        quantity = greatest(r.quantity, excluded.quantity), change = greatest(excluded.quantity - r.quantity, 0),
        number = excluded.number, changed_at = now(),
        tracked = CASE WHEN r.quantity = 0 THEN excluded.tracked ELSE r.tracked END
        WHERE r.number < excluded.number
    RETURNING r.place, r.sku, r.change, r.tracked
)
UPDATE stock s SET reserved = s.reserved + m.change
FROM (SELECT place, sku, sum(change) AS change FROM made WHERE tracked GROUP BY place, sku) m
WHERE s.place = m.place AND s.sku = m.sku;

-- name: lock_stock
-- What has no row, and none here, is not counted.
WITH locked AS MATERIALIZED (
    SELECT place, sku, on_hand - safety - reserved AS free
    FROM stock WHERE (place, sku) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY place, sku FOR UPDATE
)
SELECT place, sku, free FROM locked
UNION ALL
SELECT g.place, g.sku, 0 FROM unnest($1::text[], $2::text[]) AS g (place, sku)
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.place = g.place AND s.sku = g.sku)
    AND EXISTS (SELECT FROM stock s WHERE s.sku = g.sku)
    AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', g.place) AND t.sku IN ('*', g.sku));

-- name: reservations
SELECT order_id, key, line_id, sku, place, quantity, change, number, tracked
FROM reservations WHERE (order_id, key) IN (SELECT * FROM unnest($1::text[], $2::text[]));

-- name: seen
-- What each place could promise of each SKU; what has no row here is not counted.
SELECT place, sku, on_hand - safety - reserved AS available
FROM stock WHERE place = ANY ($1::text[]) AND sku = ANY ($2::text[])
UNION ALL
SELECT p.place, k.sku, 0 FROM unnest($1::text[]) AS p (place) CROSS JOIN unnest($2::text[]) AS k (sku)
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.place = p.place AND s.sku = k.sku)
    AND EXISTS (SELECT FROM stock s WHERE s.sku = k.sku)
    AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', p.place) AND t.sku IN ('*', k.sku));

-- name: release
-- A reservation goes back to the place it was taken from: all that a fulfilment holds where no line is named ($3), else so much of
-- that line. Repeats and older effects find nothing to release.
WITH
given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[])
        AS g (order_id, key, line_id, sku, place, quantity, number)
),
locked AS MATERIALIZED (
    SELECT s.place, s.sku FROM stock s
    WHERE (s.place, s.sku) IN (
        SELECT r.place, r.sku FROM reservations r JOIN given g ON g.order_id = r.order_id AND g.key = r.key
    )
    ORDER BY s.place, s.sku FOR UPDATE
),
ended AS (
    UPDATE reservations r SET
        quantity = r.quantity - least(r.quantity, coalesce(g.quantity, r.quantity)),
        change = -least(r.quantity, coalesce(g.quantity, r.quantity)), number = g.number, changed_at = now(),
        gone = r.gone + CASE WHEN r.tracked THEN least(r.quantity, coalesce(g.quantity, r.quantity)) ELSE 0 END
    FROM given g
    -- Always true; makes the stock rows be locked before any reservation is.
    WHERE (SELECT count(*) FROM locked) >= 0
        AND r.order_id = g.order_id AND r.key = g.key AND r.number < g.number
        AND (g.line_id IS NULL OR (r.line_id = g.line_id AND r.sku = g.sku AND r.place = g.place))
    RETURNING r.place, r.sku, r.change, r.tracked, r.order_id, r.key, r.line_id, r.number
),
told AS (
    INSERT INTO stock_movements (at, kind, place, sku, on_hand, reserved, order_id, key, line_id, number)
    SELECT now(), 'released', place, sku, 0, change, order_id, key, line_id, number FROM ended WHERE tracked AND change <> 0
)
UPDATE stock s SET
    reserved = s.reserved + e.change, missing = least(s.missing, greatest(0, s.reserved + e.change + s.safety - s.on_hand))
FROM (SELECT place, sku, sum(change) AS change FROM ended WHERE tracked GROUP BY place, sku) e
WHERE s.place = e.place AND s.sku = e.sku;

-- name: restock
-- Enters what came back with a return ($1 $2) at a place, once: a repeat finds its movement. A SKU that no one counts anywhere, or that
-- is declared untracked there, stays so. Stock rows are locked in order of SKU first, as all who lock them do.
WITH
given AS MATERIALIZED (
    SELECT g.sku, sum(g.units)::bigint AS units FROM unnest($5::text[], $6::bigint[]) AS g (sku, units) GROUP BY g.sku
),
locked AS MATERIALIZED (
    SELECT s.sku FROM stock s WHERE s.place = $4 AND s.sku IN (SELECT sku FROM given) ORDER BY s.sku FOR UPDATE
),
told AS (
    INSERT INTO stock_movements (at, kind, place, sku, on_hand, reserved, order_id, key, number)
    SELECT now(), 'returned', $4, g.sku, g.units, 0, $1, $2, $3 FROM given g
    -- Always true; makes the stock rows be locked before anything is entered.
    WHERE (SELECT count(*) FROM locked) >= 0
        AND EXISTS (SELECT FROM stock s WHERE s.sku = g.sku)
        AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', $4) AND t.sku IN ('*', g.sku))
    ON CONFLICT (order_id, key, place, sku) WHERE kind = 'returned' AND order_id <> '' DO NOTHING
    RETURNING sku, on_hand
)
INSERT INTO stock AS s (place, sku, on_hand) SELECT $4, sku, on_hand FROM told ORDER BY sku
ON CONFLICT (place, sku) DO UPDATE SET
    on_hand = s.on_hand + excluded.on_hand,
    missing = CASE
        WHEN s.reserved = 0 THEN 0
        ELSE least(s.missing, greatest(0, s.reserved + s.safety - s.on_hand - excluded.on_hand))
    END;

-- name: restocked
SELECT 1 FROM stock_movements WHERE order_id = $1 AND key = $2 AND place = $3 AND kind = 'returned' LIMIT 1;

-- name: stock_levels
SELECT place, sku, on_hand, safety, reserved FROM stock WHERE (place, sku) > ($1, $2) ORDER BY place, sku LIMIT $3;
