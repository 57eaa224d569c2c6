-- Every statement of the retention. `-- name: x` begins one.

-- name: next_orders
-- The orders after a place, oldest first, each with when it ended (null: it did not).
SELECT order_id, placed_at, CASE WHEN final THEN updated_at END AS ended_at
FROM orders WHERE (placed_at, order_id) > ($1, $2) AND placed_at < $3
ORDER BY placed_at, order_id LIMIT $4;

-- name: drop_inbox
-- Asked once more whether it has ended ($2: so long ago): it may have begun again since the page was read, and what began it
-- must be recognised when it comes again.
WITH gone AS (
    DELETE FROM inbox i USING orders o
    WHERE i.order_id = ANY($1::text[]) AND o.order_id = i.order_id AND o.final AND o.updated_at < $2 RETURNING 1
)
SELECT count(*) AS rows FROM gone;

-- name: drop_effects
-- What a person went on without is looked up later, also of an order that has ended.
WITH gone AS (
    DELETE FROM effects e USING orders o
    WHERE e.order_id = ANY($1::text[]) AND o.order_id = e.order_id AND o.final AND o.updated_at < $2
        AND e.status NOT IN ('open', 'sought', 'suspended') RETURNING 1
)
SELECT count(*) AS rows FROM gone;
