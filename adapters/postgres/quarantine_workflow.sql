-- What people see of the quarantine and do to it. `-- name: x` begins one. Every change writes its audit row with it.
-- A filter is: $1 state, $2 channels, $3 reason, $4 group, $5 since, $6 until; null: any.

-- name: find
SELECT id, delivery_id, channel, kind, ref, source, reason, sentences, at, size_bytes, fingerprint, state,
    state_at, edited_by
FROM quarantine
WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR channel = ANY($2)) AND ($3::text IS NULL OR reason = $3)
    AND ($4::text IS NULL OR fingerprint = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
    AND id < $7
ORDER BY id DESC LIMIT $8;

-- name: count
SELECT count(*)::int AS items, coalesce(max(id), 0) AS newest_id
FROM quarantine
WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR channel = ANY($2)) AND ($3::text IS NULL OR reason = $3)
    AND ($4::text IS NULL OR fingerprint = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
    AND id > $7;

-- name: originals
-- Oldest first, for that is the order in which they came; at most $9 items and $10 bytes, but always one.
SELECT id, delivery_id, channel, kind, ref, source, reason, sentences, headers, original, at, fingerprint, state, state_at, attempt,
    edited, edited_by, edited_at, released_as, digest, erased_at
FROM quarantine JOIN (
    SELECT id, row_number() OVER oldest AS place,
        sum(CASE WHEN edited IS NULL THEN size_bytes ELSE edited_bytes END) OVER oldest AS bytes
    FROM (
        SELECT id, edited, size_bytes, edited_bytes FROM quarantine
        WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR channel = ANY($2)) AND ($3::text IS NULL OR reason = $3)
            AND ($4::text IS NULL OR fingerprint = $4) AND ($5::timestamptz IS NULL OR at >= $5)
            AND ($6::timestamptz IS NULL OR at < $6) AND id > $7 AND id <= $8
        ORDER BY id LIMIT $9
    ) f WINDOW oldest AS (ORDER BY id)
) page USING (id)
WHERE page.place = 1 OR page.bytes <= $10
ORDER BY id;

-- name: item
SELECT id, delivery_id, channel, kind, ref, source, reason, sentences, headers, original, at, fingerprint, state, state_at, attempt,
    edited, edited_by, edited_at, released_as, digest, erased_at
FROM quarantine WHERE id = $1;

-- name: groups
SELECT g.*, q.sentences FROM (
    SELECT fingerprint, channel, reason, count(*)::int AS items, min(at) AS first_at, max(at) AS last_at, max(id) AS newest_id
    FROM quarantine
    WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR channel = ANY($2))
    GROUP BY fingerprint, channel, reason ORDER BY items DESC, newest_id DESC LIMIT 1000
) g JOIN quarantine q ON q.id = g.newest_id
ORDER BY g.items DESC, g.newest_id DESC;

-- name: open_reasons
SELECT reason, count(*)::int AS items FROM quarantine WHERE state = 'open' GROUP BY reason;

-- name: fix
WITH before AS (
    SELECT id, encode(coalesce(edited_digest, digest), 'hex') AS digest,
        CASE WHEN edited IS NULL THEN size_bytes ELSE edited_bytes END AS size
    FROM quarantine WHERE id = $1
), fixed AS (
    UPDATE quarantine SET edited = $3, edited_by = $4, edited_at = $6, edited_digest = $7, edited_bytes = $8, attempt = attempt + 1
    WHERE id = $1 AND attempt = $2 AND state = 'open' RETURNING id, channel
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $6, $4, 'quarantine.fix', 'quarantine:' || fixed.id, channel, $5,
    jsonb_build_object('sha256', before.digest, 'bytes', before.size),
    jsonb_build_object('sha256', encode($7, 'hex'), 'bytes', $8::int)
FROM fixed JOIN before USING (id) RETURNING target;

-- name: intend
-- Before the bytes go out: should they be refused again, intake finds the item by this name.
UPDATE quarantine q SET released_as = r.name, released_attempt = r.attempt, released_digest = coalesce(edited_digest, digest)
FROM unnest($1::bigint[], $2::int[], $3::text[]) AS r (id, attempt, name)
WHERE q.id = r.id AND q.attempt = r.attempt AND q.state = 'open'
RETURNING q.id;

-- name: released
-- One that was refused again meanwhile has another attempt and stays open; that it was released is told all the same.
WITH given AS (
    SELECT * FROM unnest($1::bigint[], $2::int[]) AS r (id, attempt)
), done AS (
    UPDATE quarantine q SET state = 'released', state_at = $5
    FROM given r WHERE q.id = r.id AND q.attempt = r.attempt AND q.state = 'open'
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $5, $3, 'quarantine.release', 'quarantine:' || q.id, q.channel, $4, jsonb_build_object('state', 'open'),
    jsonb_build_object('state', 'released', 'delivery_id', q.released_as, 'edited_by', q.edited_by)
FROM given JOIN quarantine q USING (id);

-- name: discard
WITH gone AS (
    UPDATE quarantine SET state = 'discarded', state_at = $4 WHERE id = $1 AND state = 'open' RETURNING id, channel, reason
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $4, $2, 'quarantine.discard', 'quarantine:' || id, channel, $3, jsonb_build_object('state', 'open', 'reason', reason),
    jsonb_build_object('state', 'discarded')
FROM gone RETURNING target;
