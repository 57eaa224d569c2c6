-- Every statement of the public feed of what is in stock. `-- name: x` begins one.

-- name: free
-- The next SKUs after $2 that are counted at places $1, with what is free beyond the buffer $3 of each place.
SELECT sku, sum(greatest(0, on_hand - safety - reserved - $3::bigint))::bigint AS units FROM stock
WHERE place = ANY ($1::text[]) AND sku > $2 GROUP BY sku ORDER BY sku LIMIT $4;

-- name: newest
-- The newest orders of a channel since $2.
SELECT order_id, placed_at FROM orders WHERE channel = $1 AND placed_at >= $2 ORDER BY placed_at DESC, order_id DESC LIMIT $3;

-- name: steps
SELECT order_id, body, at FROM events WHERE order_id = ANY ($1::text[]) AND type = ANY ($2::text[]) ORDER BY order_id, version;
