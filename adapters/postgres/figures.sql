-- Figures about all orders, for the demo's report and for people.

-- name: stages
SELECT stage, final, attention, count(*)::int AS orders FROM orders GROUP BY stage, final, attention;

-- name: quarantined
SELECT count(*)::int AS items FROM quarantine;

-- name: fates
SELECT
    ref, stage, final, attention, extract(epoch FROM placed_at)::float8 AS placed_at,
    extract(epoch FROM updated_at)::float8 AS changed_at
FROM orders WHERE channel = $1 AND ref = ANY($2::text[]);

-- name: shipped_seconds
-- From the moment the order's first message was safe with us to the carrier's first scan.
SELECT
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::float8 AS p99
FROM (
    SELECT extract(epoch FROM s.at - (convert_from(p.body, 'UTF8')::json ->> 'received_at')::timestamptz) AS seconds
    FROM orders o
    JOIN events s ON s.order_id = o.order_id AND s.type = 'order.shipped.v1'
    JOIN events p ON p.order_id = o.order_id AND p.type = 'order.placed.v1'
    WHERE o.channel = $1 AND o.ref = ANY($2::text[])
) AS each_order;
