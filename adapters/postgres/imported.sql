-- What an import of orders asks about those it names. `-- name: x` begins one.

-- name: known
-- `body` is the last event that says what the channel stated, by digests; an order that is only expected has none.
SELECT o.order_id, o.stage, o.waiting_for, o.attention,
    EXISTS (SELECT FROM inbox i WHERE i.order_id = asked.order_id AND i.input_id = asked.delivery_id) AS delivered,
    (SELECT e.body FROM events e WHERE e.order_id = o.order_id AND e.type = ANY ($3::text[]) ORDER BY e.version DESC LIMIT 1)
        AS body
FROM unnest($1::text[], $2::text[]) AS asked (order_id, delivery_id) JOIN orders o ON o.order_id = asked.order_id;

-- name: quarantined
SELECT delivery_id, id, reason FROM quarantine WHERE delivery_id = ANY ($1::text[]);
