-- Every statement about orders whose goods are in the house. `-- name: x` begins one.

-- name: oldest
-- All that has not left is in the house. $1: how far their least goods are; $2: the channels that may be seen (null: all).
SELECT o.order_id, o.number, o.channel, o.ref, o.placed_at, o.state FROM orders o
WHERE NOT o.final AND o.progress = ANY ($1::text[]) AND ($2::text[] IS NULL OR o.channel = ANY ($2))
ORDER BY o.placed_at, o.order_id LIMIT $3;

-- name: partly
-- Some of it is in the house, and the rest is not yet. $1, $2 as above; $4: how many of the oldest are looked at;
-- $5: stages in the house, by which states that name none are left out unread.
SELECT o.* FROM (
    SELECT o.order_id, o.number, o.channel, o.ref, o.placed_at, o.state FROM orders o
    WHERE NOT o.final AND o.progress = ANY ($1::text[]) AND ($2::text[] IS NULL OR o.channel = ANY ($2))
    ORDER BY o.placed_at, o.order_id LIMIT $4
) o
WHERE EXISTS (SELECT FROM unnest($5::text[]) AS stage WHERE position(convert_to('"' || stage || '"', 'UTF8') IN o.state) > 0)
ORDER BY o.placed_at, o.order_id LIMIT $3;
