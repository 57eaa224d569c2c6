-- Every statement about requests for customers' data. `-- name: x` begins one.

-- name: add
-- Once per delivery id; what comes again finds the first one and changes nothing.
WITH added AS (
    INSERT INTO privacy_requests (
        delivery_id, channel, kind, asked_by, reason, customers, emails, phones, order_ids, subject, received_at, due_at, forced,
        hastened
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (delivery_id) DO NOTHING RETURNING id
), noted AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT $11, $4, 'privacy.' || $3, 'privacy:' || id, $2, $5, '{}', jsonb_build_object('forced', $13::bool, 'hastened', $14::bool)
    FROM added
)
SELECT id FROM added UNION ALL SELECT id FROM privacy_requests WHERE delivery_id = $1;

-- name: latest
-- A request and those that were asked again later in the same words: `<delivery id>#2` and so on.
SELECT id, done_at, (SELECT count(*) FROM privacy_requests WHERE delivery_id >= $1 || '#' AND delivery_id < $1 || '$') AS again
FROM privacy_requests WHERE delivery_id = $1 OR (delivery_id >= $1 || '#' AND delivery_id < $1 || '$')
ORDER BY id DESC LIMIT 1;

-- name: list
SELECT {columns} FROM privacy_requests
WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR channel = ANY($2)) AND id < $3
ORDER BY id DESC LIMIT $4;

-- name: one
SELECT {columns} FROM privacy_requests WHERE id = $1;

-- name: open
SELECT {columns} FROM privacy_requests WHERE state = 'open' AND id > $1 ORDER BY id LIMIT $2;

-- name: columns
id, delivery_id, channel, kind, state, asked_by, reason, customers, emails, phones, order_ids, subject, received_at, due_at,
forced, hastened, waits_for, orders, items, done_at

-- name: progress
UPDATE privacy_requests SET waits_for = $2, orders = orders + $3, items = items + $4 WHERE id = $1 AND state = 'open';

-- name: done
-- Nothing that tells who it was stays: no subject, no hashes.
WITH ended AS (
    UPDATE privacy_requests SET state = 'done', done_at = $2, waits_for = '', orders = orders + $5, items = items + $6,
        subject = NULL, customers = '{}', emails = '{}', phones = '{}'
    WHERE id = $1 AND state = 'open' RETURNING id, channel, orders, items
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'privacy.done', 'privacy:' || id, channel, $4, '{"state": "open"}',
    jsonb_build_object('state', 'done', 'orders', orders, 'messages', items)
FROM ended RETURNING target;

-- name: force
WITH forced AS (
    UPDATE privacy_requests SET forced = true WHERE id = $1 AND state = 'open' AND kind <> 'export' RETURNING id, channel
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'privacy.force', 'privacy:' || id, channel, $4, '{"forced": false}', '{"forced": true}'
FROM forced RETURNING target;

-- name: hasten
WITH hastened AS (
    UPDATE privacy_requests SET hastened = true
    WHERE id = $1 AND state = 'open' AND kind <> 'export' AND NOT hastened RETURNING id, channel
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'privacy.hasten', 'privacy:' || id, channel, $4, '{"hastened": false}', '{"hastened": true}'
FROM hastened RETURNING target;

-- name: stop
-- What was not erased stays; whom it was about is forgotten, as when it is done.
WITH stopped AS (
    UPDATE privacy_requests SET state = 'stopped', done_at = $2, waits_for = '',
        subject = NULL, customers = '{}', emails = '{}', phones = '{}'
    WHERE id = $1 AND state = 'open' RETURNING id, channel, orders, items
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'privacy.stop', 'privacy:' || id, channel, $4, '{"state": "open"}',
    jsonb_build_object('state', 'stopped', 'orders', orders, 'messages', items)
FROM stopped RETURNING target;
