-- Figures about all orders, for the demo's report and for people.

-- name: stages
SELECT stage, final, attention, count(*)::int AS orders FROM orders GROUP BY stage, final, attention;

-- name: quarantined
SELECT count(*)::int AS items FROM quarantine;

-- name: final_refs
SELECT ref FROM orders WHERE channel = $1 AND final ORDER BY ref;

-- name: span
SELECT
    extract(epoch FROM min(placed_at))::float8 AS first_at,
    extract(epoch FROM max(updated_at) FILTER (WHERE final))::float8 AS last_at
FROM orders;

-- name: shipped_seconds
-- From the moment the order's first message was safe with us to the carrier's first scan.
SELECT
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::float8 AS p99
FROM (
    SELECT extract(epoch FROM s.at - (convert_from(p.body, 'UTF8')::json ->> 'received_at')::timestamptz) AS seconds
    FROM events s JOIN events p ON p.order_id = s.order_id AND p.type = 'order.placed.v1'
    WHERE s.type = 'order.shipped.v1'
) AS each_order;
