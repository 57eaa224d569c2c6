-- Every statement of approvals. `-- name: x` begins one.

-- name: add
-- Of a review that is open and undecided, and only while it comes to what was approved. A repeat by the same person is the newest.
WITH done AS (
    INSERT INTO review_approvals (review_id, person, instead_of, currency, total_minor, reason, at)
    SELECT r.id, $2, $3, r.currency, r.total_minor, $4, $5 FROM reviews r
    WHERE r.id = $1 AND r.closed_at IS NULL AND r.decided = '' AND r.total_minor = $6 AND r.currency = $7 AND r.claimed_by IN ('', $8)
    ON CONFLICT (review_id, person) DO UPDATE SET instead_of = excluded.instead_of, currency = excluded.currency,
        total_minor = excluded.total_minor, reason = excluded.reason, at = excluded.at
    RETURNING review_id
),
freed AS (
    -- Whoever is to approve as the second person must be able to.
    UPDATE reviews SET claimed_by = '', claimed_at = NULL FROM done WHERE reviews.id = done.review_id
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $5, $2, 'review.first_approval', 'order:' || r.order_id, r.channel, $4, '{}'::jsonb,
    jsonb_build_object('review', r.id, 'hold', r.hold_id, 'instead_of', $3::text)
FROM done JOIN reviews r ON r.id = done.review_id RETURNING id;

-- name: given
-- Those that count: for what the order comes to now.
SELECT a.person, a.instead_of, a.reason, a.at FROM review_approvals a JOIN reviews r ON r.id = a.review_id
WHERE a.review_id = $1 AND a.total_minor = r.total_minor AND a.currency = r.currency ORDER BY a.at;

-- name: changes
-- Every change of an order: by whom, of what, and when.
SELECT at, body FROM events WHERE order_id = $1 AND type = $2 ORDER BY version;

-- name: absences
SELECT person, deputy, until_at, reason FROM approver_absences WHERE until_at > $1 ORDER BY person LIMIT 1000;

-- name: leave
WITH done AS (
    INSERT INTO approver_absences (person, deputy, until_at, reason, at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (person) DO UPDATE SET deputy = excluded.deputy, until_at = excluded.until_at, reason = excluded.reason, at = excluded.at
    RETURNING person
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $5, $1, 'approver.away', 'approver:' || $1, '', $4, '{}'::jsonb, jsonb_build_object('deputy', $2::text, 'until', $3::timestamptz)
FROM done RETURNING id;

-- name: back
WITH done AS (DELETE FROM approver_absences WHERE person = $1 RETURNING deputy)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $3, $1, 'approver.back', 'approver:' || $1, '', $2, jsonb_build_object('deputy', deputy), '{}'::jsonb FROM done RETURNING id;
