-- Every statement of the retention. `-- name: x` begins one.

-- name: next_orders
-- The orders after a place, oldest first, each with when it ended (null: it did not).
SELECT order_id, placed_at, CASE WHEN final THEN updated_at END AS ended_at
FROM orders WHERE (placed_at, order_id) > ($1, $2) AND placed_at < $3
ORDER BY placed_at, order_id LIMIT $4;

-- name: drop_inbox
WITH gone AS (DELETE FROM inbox WHERE order_id = ANY($1::text[]) RETURNING 1) SELECT count(*) AS rows FROM gone;

-- name: drop_effects
WITH gone AS (
    DELETE FROM effects WHERE order_id = ANY($1::text[]) AND status NOT IN ('open', 'suspended') RETURNING 1
)
SELECT count(*) AS rows FROM gone;
