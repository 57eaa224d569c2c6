-- What else a customer has with the shop. Nothing is stored for it: it is read off the orders by the keyed hashes of who the customer
-- is, which erasure destroys. `-- name: x` begins one.

-- name: told
-- `others` are the customer's other orders. Copies of other orders, and what never came, are none. Where a parcel came back stands in
-- the events, and is looked for in these orders alone.
SELECT count(*)::int AS orders, (count(*) FILTER (WHERE o.stage = 'cancelled'))::int AS cancelled,
    (count(*) FILTER (WHERE o.stage IN ('completed', 'closed')))::int AS completed,
    (count(*) FILTER (WHERE EXISTS (SELECT FROM events e WHERE e.order_id = o.order_id AND e.type = 'parcel.returned.v1')))::int AS returned,
    min(o.placed_at) AS first_at, max(o.placed_at) AS last_at,
    coalesce(sum(o.total_minor) FILTER (WHERE o.stage <> 'cancelled' AND o.currency = {currency}), 0)::bigint AS spent_minor
FROM others JOIN orders o ON o.order_id = others.order_id WHERE o.stage NOT IN ('expected', 'duplicate')

-- name: of_hashes
-- $1: this order. $2, $3, $4: who the customer is, by hash. $5: the currency. $6: orders looked at.
WITH others AS (
    SELECT order_id FROM (
        SELECT order_id FROM body_keys WHERE customer = ANY ($2::bytea[])
        UNION SELECT order_id FROM body_keys WHERE email = ANY ($3::bytea[])
        UNION SELECT order_id FROM body_keys WHERE phone = ANY ($4::bytea[])
    ) found WHERE order_id <> $1 LIMIT $6
)
{told};

-- name: of_order
-- $1: the order. $2: the currency. $3: orders looked at. An order that names no one is its own customer.
WITH whose AS MATERIALIZED (SELECT customer, email, phone FROM body_keys WHERE order_id = $1 AND customer IS NOT NULL),
others AS (
    SELECT order_id FROM (
        SELECT k.order_id FROM body_keys k JOIN whose w ON k.customer = w.customer
        UNION SELECT k.order_id FROM body_keys k JOIN whose w ON k.email = w.email
        UNION SELECT k.order_id FROM body_keys k JOIN whose w ON k.phone = w.phone
    ) found WHERE order_id <> $1 LIMIT $3
)
{told};
