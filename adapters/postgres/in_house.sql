-- Every statement about orders whose goods are in the house. `-- name: x` begins one.

-- name: oldest
-- $1: how far their least goods are; $2: the channels that may be seen (null: all).
SELECT o.order_id, o.number, o.channel, o.ref, o.placed_at, o.state FROM orders o
WHERE NOT o.final AND o.progress = ANY ($1::text[]) AND ($2::text[] IS NULL OR o.channel = ANY ($2))
ORDER BY o.placed_at, o.order_id LIMIT $3;
