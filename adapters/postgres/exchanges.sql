-- Every statement about exchanges. `-- name: x` begins one.

-- name: keep
-- Writes a batch. An order whose data was erased keeps none.
INSERT INTO exchanges (order_id, key, effect, partner, at, duration_ms, method, status, said)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[], $6::integer[], $7::text[], $8::integer[], $9::bytea[]
) AS n (order_id, key, effect, partner, at, duration_ms, method, status, said)
WHERE NOT EXISTS (SELECT FROM body_keys k WHERE k.order_id = n.order_id AND k.name = '' AND k.wrapped IS NULL)
RETURNING id;

-- name: trim
-- Lets of each of these orders the oldest rows go that are above the bound.
DELETE FROM exchanges e USING (
    SELECT id, row_number() OVER (PARTITION BY order_id ORDER BY id DESC) AS age
    FROM exchanges WHERE order_id = ANY ($1::text[])
) a WHERE e.id = a.id AND a.age > $2;

-- name: of_order
SELECT * FROM (
    SELECT id, key, effect, partner, at, duration_ms, method, status, said
    FROM exchanges WHERE order_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
) latest ORDER BY id;

-- name: between
SELECT * FROM (
    SELECT id, key, effect, partner, at, duration_ms, method, status, said
    FROM exchanges WHERE order_id = $1 AND at >= $2 AND at < $3 ORDER BY id DESC LIMIT $4
) latest ORDER BY id;

-- name: expire
-- Looks at the oldest rows alone, so that a round without any costs nothing.
DELETE FROM exchanges WHERE id IN (
    SELECT id FROM (SELECT id, at FROM exchanges ORDER BY id LIMIT $2) oldest WHERE at < $1
) RETURNING id;
