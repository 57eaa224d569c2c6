-- Every statement of batches. `-- name: x` begins one. `COLUMNS` are those of a batch with its counts.

-- name: columns
b.id, b.verb, b.target, b.filter, b.failures_of, b.reason, b.person, b.channels, b.per_second, b.orders, b.state, b.created_at,
b.ended_at, c.waiting, c.sent, c.done, c.failed

-- name: counts
LEFT JOIN LATERAL (
    SELECT (count(*) FILTER (WHERE x.state = 'waiting'))::int AS waiting, (count(*) FILTER (WHERE x.state = 'sent'))::int AS sent,
        (count(*) FILTER (WHERE x.state = 'done'))::int AS done, (count(*) FILTER (WHERE x.state = 'failed'))::int AS failed
    FROM batch_orders x WHERE x.batch_id = b.id
) c ON true

-- name: begin
INSERT INTO batches (verb, target, filter, failures_of, reason, person, channels, per_second, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id;

-- name: earlier
-- The batch that a request of $1 began since $2, whose answer was lost: its row of the audit was written with it.
SELECT b.id FROM batches b JOIN audit a ON a.target = 'batch:' || b.id AND a.action = 'batch.start'
WHERE b.person = $1 AND b.created_at > $2 AND a.after ->> 'request' = $3 ORDER BY b.id LIMIT 1;

-- name: of_failures
INSERT INTO batch_orders (batch_id, order_id, place)
SELECT $1, x.order_id, x.place FROM batch_orders x WHERE x.batch_id = $2 AND x.state = 'failed';

-- name: counted
UPDATE batches SET orders = (SELECT count(*) FROM batch_orders WHERE batch_id = $1) WHERE id = $1 RETURNING orders;

-- name: audit
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, 'batch:' || $4::bigint, '', $5, '{}', $6::jsonb);

-- name: stop
UPDATE batches SET state = 'stopped' WHERE id = $1 AND state = 'running' RETURNING id;

-- name: one
SELECT {columns} FROM batches b {counts} WHERE b.id = $1;

-- name: list
-- $1: the channels that may be seen (null: all); a batch of all channels is seen by who sees all.
SELECT {columns} FROM batches b {counts}
WHERE ($1::text[] IS NULL OR b.channels <@ $1) AND b.id < $2 ORDER BY b.id DESC LIMIT $3;

-- name: failures
SELECT x.place, x.order_id, o.number, o.ref, o.channel, x.why FROM batch_orders x JOIN orders o ON o.order_id = x.order_id
WHERE x.batch_id = $1 AND x.state = 'failed' AND x.place > $2 ORDER BY x.place LIMIT $3;

-- name: under_way
SELECT b.id, b.verb, b.target, b.person, b.reason, b.per_second, b.state,
    (SELECT count(*) FROM batch_orders x WHERE x.batch_id = b.id AND x.state = 'sent')::int AS sent
FROM batches b WHERE b.ended_at IS NULL ORDER BY b.id LIMIT $1;

-- name: next
SELECT x.order_id, o.channel, o.ref, o.state FROM batch_orders x JOIN orders o ON o.order_id = x.order_id
WHERE x.batch_id = $1 AND x.state = 'waiting' ORDER BY x.place LIMIT $2;

-- name: next_plain
-- Where the decision has no target nothing of the order needs to be known.
SELECT x.order_id, o.channel, o.ref, NULL::bytea AS state FROM batch_orders x JOIN orders o ON o.order_id = x.order_id
WHERE x.batch_id = $1 AND x.state = 'waiting' ORDER BY x.place LIMIT $2;

-- name: note
UPDATE batch_orders x SET state = 'sent', targets = n.targets, sent_at = $4, tries = 1
FROM unnest($2::text[], $3::text[]) AS n (order_id, targets)
WHERE x.batch_id = $1 AND x.order_id = n.order_id AND x.state = 'waiting';

-- name: sent
-- The oldest first, so that each is asked about in turn.
SELECT x.order_id, o.channel, o.ref, x.targets, x.sent_at, x.tries FROM batch_orders x JOIN orders o ON o.order_id = x.order_id
WHERE x.batch_id = $1 AND x.state = 'sent' AND x.place > $2 ORDER BY x.place LIMIT $3;

-- name: again
UPDATE batch_orders SET sent_at = $3, tries = tries + 1 WHERE batch_id = $1 AND order_id = ANY ($2::text[]) AND state = 'sent';

-- name: taken
-- Which of the inputs their orders have taken.
SELECT i.order_id, i.input_id, i.version FROM unnest($1::text[], $2::text[]) AS a (order_id, input_id)
JOIN inbox i ON i.order_id = a.order_id AND i.input_id = a.input_id;

-- name: refusals
-- $2: the version after the input; the refusal is in the same append, which is never as long.
SELECT e.order_id, e.body FROM unnest($1::text[], $2::int[]) AS a (order_id, version)
JOIN events e ON e.order_id = a.order_id AND e.version BETWEEN a.version - 500 AND a.version AND e.type = ANY ($3::text[]);

-- name: settle
UPDATE batch_orders x SET state = CASE WHEN n.why = '' THEN 'done' ELSE 'failed' END, why = n.why
FROM unnest($2::text[], $3::text[]) AS n (order_id, why)
WHERE x.batch_id = $1 AND x.order_id = n.order_id AND x.state IN ('waiting', 'sent');

-- name: end
UPDATE batches b SET ended_at = $2, state = CASE WHEN state = 'running' THEN 'ended' ELSE state END
WHERE b.id = $1 AND b.ended_at IS NULL
    AND NOT EXISTS (SELECT FROM batch_orders x WHERE x.batch_id = b.id AND x.state = 'sent')
    AND (b.state = 'stopped' OR NOT EXISTS (SELECT FROM batch_orders x WHERE x.batch_id = b.id AND x.state = 'waiting'));

-- name: prune
-- A part of what is old enough: its orders first, then the batch itself.
WITH old AS (SELECT id FROM batches WHERE ended_at < $1 ORDER BY id LIMIT 10),
gone AS (
    DELETE FROM batch_orders WHERE (batch_id, order_id) IN (
        SELECT batch_id, order_id FROM batch_orders WHERE batch_id IN (SELECT id FROM old) LIMIT 5000
    ) RETURNING 1
)
DELETE FROM batches WHERE id IN (SELECT id FROM old) AND NOT EXISTS (SELECT FROM gone)
    AND NOT EXISTS (SELECT FROM batch_orders x WHERE x.batch_id = batches.id);
