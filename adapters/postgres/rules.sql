-- Every statement of the rules. `-- name: x` begins one.

-- name: position
SELECT coalesce(max(position), 0)::int AS position FROM rules_in_use;

-- name: in_use
SELECT u.position, r.version, r.document FROM rules_in_use u JOIN rules r USING (version) ORDER BY u.position DESC LIMIT 1;

-- name: one
SELECT version, person, document FROM rules WHERE version = $1;

-- name: versions
SELECT r.version, r.at, r.person, r.reason, length(r.document) AS bytes,
    coalesce((SELECT u.how || ' by ' || u.person FROM rules_in_use u WHERE u.version = r.version ORDER BY u.position DESC LIMIT 1), '') AS used,
    r.version = (SELECT u.version FROM rules_in_use u ORDER BY u.position DESC LIMIT 1) AS in_use
FROM rules r ORDER BY r.version DESC LIMIT $1;

-- name: save
-- After the version that the writer saw; of two writers at once the key lets one be next.
WITH last AS (
    SELECT coalesce(max(version), 0) AS version FROM rules
),
saved AS (
    INSERT INTO rules (version, at, person, reason, document)
    SELECT last.version + 1, $2, $3, $4, $5 FROM last WHERE last.version = $1
    ON CONFLICT (version) DO NOTHING
    RETURNING version
),
told AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT $2, $3, 'rules.save', 'rules:' || saved.version, '', $4,
        jsonb_build_object('version', $1::int), jsonb_build_object('version', saved.version, 'sha256', encode(sha256($5), 'hex'))
    FROM saved
)
SELECT version FROM saved;

-- name: last
SELECT coalesce(max(version), 0)::int AS version FROM rules;

-- name: use
WITH last AS (
    SELECT coalesce(max(position), 0) AS position FROM rules_in_use
),
used AS (
    INSERT INTO rules_in_use (position, version, at, person, reason, how)
    SELECT last.position + 1, $2, $3, $4, $5, $6 FROM last WHERE last.position = $1
    ON CONFLICT (position) DO NOTHING
    RETURNING position, version
),
told AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT $3, $4, 'rules.use', 'rules:' || used.version, '', $5,
        jsonb_build_object('position', $1::int), jsonb_build_object('position', used.position, 'version', used.version, 'how', $6::text)
    FROM used
)
SELECT position FROM used;

-- name: past
-- By the index of the newest orders, from the latest to the oldest. What never came, and what is only expected, is no order yet.
SELECT o.order_id, o.channel, o.number, o.placed_at, b.body, k.master, k.wrapped
FROM (
    SELECT order_id, channel, number, placed_at FROM orders
    WHERE placed_at >= $1 AND (placed_at, order_id) < ($2, $3) AND stage <> 'expected'
    ORDER BY placed_at DESC, order_id DESC LIMIT $4
) o
LEFT JOIN order_bodies b ON b.order_id = o.order_id AND b.name = ''
LEFT JOIN body_keys k ON k.order_id = o.order_id AND k.name = ''
ORDER BY o.placed_at DESC, o.order_id DESC;

-- name: past_worlds
-- What the last decision about each of these orders knew beyond the order.
SELECT DISTINCT ON (order_id) order_id, body FROM events
WHERE order_id = ANY ($1::text[]) AND type = $2 ORDER BY order_id, version DESC;

-- name: past_count
SELECT count(*)::int AS orders FROM orders WHERE placed_at >= $1 AND stage <> 'expected';
