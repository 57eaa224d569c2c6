-- Every statement of the mappings. `-- name: x` begins one.

-- name: current_version
SELECT coalesce(max(version), 0)::int AS version FROM mappings;

-- name: current
SELECT version, document FROM mappings ORDER BY version DESC LIMIT 1;

-- name: versions
SELECT version, at, person, reason, source, length(document) AS bytes FROM mappings ORDER BY version DESC LIMIT $1;

-- name: save
-- Only on the version that the caller saw; of two writers at once the key lets one be next.
WITH last AS (
    SELECT coalesce(max(version), 0) AS version FROM mappings
),
saved AS (
    INSERT INTO mappings (version, at, person, reason, source, document)
    SELECT last.version + 1, $2, $3, $4, $5, $6 FROM last WHERE last.version = $1
    ON CONFLICT (version) DO NOTHING
    RETURNING version
),
told AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT $2, $3, 'mappings.save', 'mappings:' || saved.version, '', $4,
        jsonb_build_object('version', $1::int), jsonb_build_object('version', saved.version, 'sha256', encode(sha256($6), 'hex'))
    FROM saved
)
SELECT version FROM saved;

-- name: wake
-- Only timers that were set before the newer version was at hand ($2): those set since have seen it.
UPDATE timers SET due_at = $1
WHERE name = 'mapping' AND (order_id, key, name) IN (
    SELECT order_id, key, name FROM timers
    WHERE name = 'mapping' AND error = '' AND due_at > $1 AND due_at <= $2 LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING order_id;

-- name: waiting
SELECT o.order_id, o.channel, o.number, o.waiting_for, count(*) OVER ()::int AS orders
FROM timers t JOIN orders o USING (order_id)
-- What only a person can correct no table frees.
WHERE t.name = 'mapping' AND o.waiting_for NOT LIKE 'a person to correct it:%' ORDER BY o.order_id LIMIT $1;

-- name: latest
SELECT order_id, channel, number FROM orders WHERE stage <> 'expected' ORDER BY placed_at DESC, order_id DESC LIMIT $1;
