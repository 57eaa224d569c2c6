-- Every statement about orders whose goods are in the house. `-- name: x` begins one.

-- name: oldest
-- $1: the channels that may be seen (null: all). The index `orders_in_house` holds these orders alone, in this order.
SELECT o.order_id, o.number, o.channel, o.ref, o.placed_at, o.state FROM orders o
WHERE o.in_house AND ($1::text[] IS NULL OR o.channel = ANY ($1))
ORDER BY o.placed_at, o.order_id LIMIT $2;
