-- Every statement that finds and erases customers' data. `-- name: x` begins one.

-- name: kept
-- Of an order `o`: a key that still opens something. One that never came has none.
EXISTS (SELECT FROM body_keys k WHERE k.order_id = o.order_id AND k.wrapped IS NOT NULL)

-- name: keeps
SELECT EXISTS (SELECT FROM orders WHERE channel = $1) OR EXISTS (SELECT FROM quarantine WHERE channel = $1) AS keeps;

-- name: of_customer
-- Orders that a request is about, a page by id. `kept`: something of it can still be read.
SELECT o.order_id, o.ref, o.number, o.final, ({kept}) AS kept
FROM orders o
WHERE o.order_id > $6 AND o.channel = $1 AND o.order_id IN (
    SELECT order_id FROM body_keys WHERE customer = ANY ($2::bytea[])
    UNION SELECT order_id FROM body_keys WHERE email = ANY ($3::bytea[])
    UNION SELECT order_id FROM body_keys WHERE phone = ANY ($4::bytea[])
    UNION SELECT unnest($5::text[])
)
ORDER BY o.order_id LIMIT $7;

-- name: by_age
-- A page of all orders in the order in which they were placed, with what each channel's bound says of them: `due` when it has been
-- final for so long and something of it can still be read; `waits` when it is not final; `left` when it is not, and its channel ($7)
-- counts from the shipment, which lies so far back: nothing of it has left since, here or elsewhere. The index on placed_at serves the page:
-- one on the time of the last change would cost every change of every order its place on the page.
SELECT o.order_id, o.number, o.placed_at,
    coalesce(o.final AND o.since < bound.before AND kept.kept, false) AS due,
    coalesce(NOT o.final AND kept.kept, false) AS waits,
    NOT o.final AND kept.kept AND bound.channel = ANY ($7::text[]) AND coalesce((
        SELECT max(e.at) < bound.before FROM events e WHERE e.order_id = o.order_id AND e.type = ANY ($8::text[])
    ), false) AS left
FROM (
    SELECT order_id, number, channel, placed_at, final, progress_since AS since
    FROM orders WHERE (placed_at, order_id) > ($1, $2::text) AND placed_at < $3 ORDER BY placed_at, order_id LIMIT $6
) o
LEFT JOIN unnest($4::text[], $5::timestamptz[]) AS bound (channel, before) ON bound.channel = o.channel
LEFT JOIN LATERAL (SELECT {kept} AS kept) kept ON bound.channel IS NOT NULL
ORDER BY o.placed_at, o.order_id;

-- name: erase_orders
-- Destroys the keys of bodies and files, and empties what they sealed. An order that is not final any more is left alone, unless that is asked for ($2). One row of the audit a channel.
WITH which AS (
    SELECT order_id, channel FROM orders WHERE order_id = ANY ($1::text[]) AND (final OR $2)
), destroyed AS (
    UPDATE body_keys k SET wrapped = NULL, customer = NULL, email = NULL, phone = NULL, erased_at = $3
    FROM which w WHERE k.order_id = w.order_id AND k.wrapped IS NOT NULL RETURNING k.order_id
), marked AS (
    INSERT INTO body_keys (order_id, name, master, wrapped, erased_at) SELECT order_id, '', '', NULL, $3 FROM which
    ON CONFLICT (order_id, name) DO NOTHING RETURNING order_id
), bodies AS (
    UPDATE order_bodies b SET body = '' FROM which w WHERE b.order_id = w.order_id AND b.body <> ''
), files AS (
    UPDATE documents d SET content = '' FROM which w WHERE d.order_id = w.order_id AND d.content <> ''
), exchanged AS (
    DELETE FROM exchanges e USING which w WHERE e.order_id = w.order_id
), erased AS (
    SELECT order_id FROM destroyed UNION SELECT order_id FROM marked
), noted AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT $3, $4, 'privacy.erased', $5, channel, $6, '{}', jsonb_build_object('orders', count(*))
    FROM erased JOIN which USING (order_id) GROUP BY channel
)
SELECT order_id FROM erased;

-- name: erase_items
-- What it is named by and why it was refused stay; so the same delivery does not come back.
WITH erased AS (
    UPDATE quarantine SET original = '', headers = '{}', sentences = $2, edited = NULL, edited_digest = NULL, edited_bytes = 0,
        digest = '', size_bytes = 0, erased_at = $3,
        state_at = CASE WHEN state = 'open' THEN $3 ELSE state_at END,
        state = CASE WHEN state = 'open' THEN 'discarded' ELSE state END
    WHERE id = ANY ($1::bigint[]) AND erased_at IS NULL RETURNING id, channel
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $3, $4, 'quarantine.erased', 'quarantine:' || id, channel, $5, '{}', '{"state": "erased"}' FROM erased RETURNING target;

-- name: items_of
SELECT id FROM quarantine WHERE channel = $1 AND erased_at IS NULL ORDER BY id LIMIT $2;
