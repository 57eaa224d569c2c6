-- Figures about all orders, for the demo's report and for people.

-- name: stages
SELECT stage, final, attention, count(*)::int AS orders FROM orders GROUP BY stage, final, attention;

-- name: quarantined
SELECT count(*)::int AS items FROM quarantine;

-- name: fates
SELECT
    ref, reference, stage, final, attention, extract(epoch FROM placed_at)::float8 AS placed_at,
    extract(epoch FROM updated_at)::float8 AS changed_at
FROM orders WHERE channel = $1 AND ref = ANY($2::text[]);

-- name: shipped_seconds
-- From the moment the order's first message was safe with us until its first parcel left.
SELECT
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::float8 AS p99
FROM (
    SELECT
        extract(epoch FROM min(s.at) - min((convert_from(p.body, 'UTF8')::json ->> 'received_at')::timestamptz))
            AS seconds
    FROM orders o
    JOIN events s ON s.order_id = o.order_id AND s.type IN (
        'fulfilment.handed_over.v1', 'fulfilment.part_handed_over.v1', 'parcel.in_transit.v1'
    )
    JOIN events p ON p.order_id = o.order_id AND p.type = 'order.placed.v2'
    WHERE o.channel = $1 AND o.ref = ANY($2::text[])
    GROUP BY o.order_id
) AS each_order;
