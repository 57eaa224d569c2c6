-- Every statement of the channels' sync. `-- name: x` begins one.

-- name: progress
SELECT channel, job, position, complete, tried_at, succeeded_at, good, outcome, missed
FROM channel_sync WHERE $1::text IS NULL OR channel = $1 ORDER BY channel, job;

-- name: keep
INSERT INTO channel_sync (channel, job, position, complete, tried_at, succeeded_at, good, outcome, missed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (channel, job) DO UPDATE SET position = excluded.position, complete = excluded.complete,
    tried_at = excluded.tried_at, succeeded_at = excluded.succeeded_at, good = excluded.good,
    outcome = excluded.outcome, missed = excluded.missed;

-- name: orders
-- Of an order that is only expected nothing was stated: then it counts when we last heard of it.
SELECT ref, final, coalesce(
    nullif(told ->> 'source_updated_at', ''),
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
) AS updated_at, told ->> 'heard_at' AS heard_at
FROM orders, LATERAL (SELECT convert_from(state, 'UTF8')::json AS told) AS stored
WHERE order_id = ANY($1::text[]);

-- name: refused
-- What tells of the whole order: news that was refused says nothing of whether the order itself came.
SELECT ref, max(at) AS at FROM quarantine
WHERE channel = $1 AND ref = ANY($2::text[]) AND kind IN ('place', 'pay', 'update', 'cancel') GROUP BY ref;
