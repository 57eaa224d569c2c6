-- Every statement about orders whose goods are in the house. `-- name: x` begins one.

-- name: oldest
-- $1: how far the least of their goods are; $2: the channels that may be seen (null: all); $4: what is in the house.
-- Of the others some goods may be there, too: those are left out whose state names none of these stages.
SELECT o.order_id, o.number, o.channel, o.ref, o.placed_at, o.state FROM orders o
WHERE NOT o.final AND o.progress = ANY ($1::text[]) AND ($2::text[] IS NULL OR o.channel = ANY ($2))
  AND (o.progress = ANY ($4::text[])
       OR EXISTS (SELECT FROM unnest($4::text[]) AS stage WHERE position(convert_to('"' || stage || '"', 'UTF8') IN o.state) > 0))
ORDER BY o.placed_at, o.order_id LIMIT $3;
