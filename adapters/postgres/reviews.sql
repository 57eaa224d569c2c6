-- Every statement of the review queue. `-- name: x` begins one.

-- name: changed
-- Orders that need a person, or did, and have changed since they were compared.
SELECT o.order_id FROM orders o LEFT JOIN review_orders r ON r.order_id = o.order_id
WHERE o.attention AND r.version IS DISTINCT FROM o.version
UNION
SELECT r.order_id FROM review_orders r JOIN orders o ON o.order_id = r.order_id WHERE r.version <> o.version
LIMIT $1;

-- name: open
INSERT INTO reviews (order_id, hold_id, key, channel, number, currency, total_minor, value, reason, opened_at, due_at)
SELECT $1, h.hold_id, h.key, $2, $3, $4, $5, $6::numeric, h.reason, $7, $8
FROM unnest($9::text[], $10::text[], $11::text[]) AS h (hold_id, key, reason)
ON CONFLICT (order_id, hold_id) WHERE closed_at IS NULL DO UPDATE
    SET reason = excluded.reason, total_minor = excluded.total_minor, value = excluded.value, currency = excluded.currency;

-- name: close
UPDATE reviews SET closed_at = $2 WHERE order_id = $1 AND closed_at IS NULL AND NOT hold_id = ANY($3::text[]);

-- name: compared
INSERT INTO review_orders (order_id, version) VALUES ($1, $2) ON CONFLICT (order_id) DO UPDATE SET version = excluded.version;

-- name: forget
-- What needs no person any more and has no open review is not followed.
DELETE FROM review_orders WHERE order_id = $1;

-- name: returned
-- A decision that the order has not carried out by now: it could not be sent, or the order said why not. The audit has it: say so.
WITH done AS (
    UPDATE reviews SET decided = '', decided_by = '', decided_why = '', decided_at = NULL
    WHERE closed_at IS NULL AND decided <> '' AND decided_at < $1 RETURNING id, order_id, hold_id, channel
)
{audit}

-- name: overdue
SELECT channel, count(*)::int AS count FROM reviews WHERE closed_at IS NULL AND due_at < $1 GROUP BY channel ORDER BY channel LIMIT 1000;

-- name: escalate
UPDATE reviews SET escalated_at = $1 WHERE closed_at IS NULL AND due_at < $1 AND escalated_at IS NULL;

-- name: columns
id, order_id, hold_id, key, channel, number, currency, total_minor, reason, opened_at, due_at, claimed_by, claimed_at, asked, asked_by,
decided, decided_by, decided_why, decided_at, escalated_at, closed_at

-- name: list
SELECT {columns} FROM reviews
WHERE closed_at IS NULL AND ($1::text[] IS NULL OR channel = ANY($1)) AND ($2::text = '' OR claimed_by = $2) AND (NOT $3 OR due_at < $4)
    AND ($6::bigint IS NULL OR (-value, due_at, id) > (SELECT -value, due_at, id FROM reviews WHERE id = $6))
ORDER BY value DESC, due_at, id LIMIT $5;

-- name: one
SELECT {columns} FROM reviews WHERE id = $1;

-- name: audit
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, $4, 'order:' || order_id, channel, $5, '{}'::jsonb, jsonb_build_object('review', id, 'hold', hold_id)
FROM done RETURNING id;

-- name: claim
-- $6: taken over from whoever has it.
WITH done AS (
    UPDATE reviews SET claimed_by = $3, claimed_at = $2
    WHERE id = $1 AND closed_at IS NULL AND decided = '' AND (claimed_by IN ('', $3) OR $6) RETURNING id, order_id, hold_id, channel
)
{audit}

-- name: ask
-- $6: until when it is due from now on. $7: how often at most.
WITH done AS (
    UPDATE reviews SET asked = $5, asked_by = $3, questions = questions + 1, due_at = $6, escalated_at = NULL, claimed_by = $3,
        claimed_at = $2
    WHERE id = $1 AND closed_at IS NULL AND decided = '' AND claimed_by IN ('', $3) AND questions < $7
    RETURNING id, order_id, hold_id, channel
)
{audit}

-- name: decide
-- $6: approved or rejected. Whoever else has claimed it must be asked first.
WITH done AS (
    UPDATE reviews SET decided = $6, decided_by = $3, decided_why = $5, decided_at = $2
    WHERE id = $1 AND closed_at IS NULL AND decided = '' AND claimed_by IN ('', $3) RETURNING id, order_id, hold_id, channel
)
{audit}

-- name: undecide
WITH done AS (
    UPDATE reviews SET decided = '', decided_by = '', decided_why = '', decided_at = NULL WHERE id = $1 AND closed_at IS NULL
    RETURNING id, order_id, hold_id, channel
)
{audit}

-- name: prune
DELETE FROM reviews WHERE id IN (SELECT id FROM reviews WHERE closed_at < $1 LIMIT 1000);
