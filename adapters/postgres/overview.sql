-- What the console's first page counts, each within a bound. `-- name: x` begins one. $1: channels (null: all).

-- name: flow
SELECT progress, count(*)::int AS orders, (count(*) FILTER (WHERE attention))::int AS attention FROM (
    SELECT progress, attention FROM orders WHERE NOT final AND ($1::text[] IS NULL OR channel = ANY ($1)) LIMIT $2
) o GROUP BY progress;

-- name: attention
SELECT count(*)::int AS orders, min(placed_at) AS oldest FROM (
    SELECT placed_at FROM orders WHERE attention AND ($1::text[] IS NULL OR channel = ANY ($1)) LIMIT $2
) o;

-- name: arrivals
-- By whole minutes before $3, the newest orders of the last half hour.
SELECT floor(extract(epoch FROM $3::timestamptz - placed_at) / 60)::int AS minute, count(*)::int AS orders,
    (count(*) FILTER (WHERE final OR progress IN ('shipped', 'delivered')))::int AS left_us
FROM (
    SELECT placed_at, final, progress FROM orders
    WHERE placed_at > $3::timestamptz - interval '30 minutes' AND placed_at <= $3
        AND ($1::text[] IS NULL OR channel = ANY ($1))
    ORDER BY placed_at DESC LIMIT $2
) o GROUP BY 1;

-- name: quarantined
SELECT count(*)::int AS items FROM (
    SELECT id FROM quarantine WHERE state = 'open' AND ($1::text[] IS NULL OR channel = ANY ($1)) LIMIT $2
) q;

-- name: lanes
-- What is still to be done, by partner instance, and why one is not called.
SELECT w.lane, w.waiting, w.oldest, w.tried, coalesce(t.words, '') AS words, t.since FROM (
    SELECT lane, count(*)::int AS waiting, min(at) AS oldest, (count(*) FILTER (WHERE error <> ''))::int AS tried FROM (
        SELECT lane, at, error FROM effects WHERE status = 'open' LIMIT $1
    ) e GROUP BY lane
) w LEFT JOIN troubles t ON t.lane = w.lane ORDER BY w.lane;
