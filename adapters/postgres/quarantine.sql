-- Every statement of the quarantine. `-- name: x` begins one.

-- name: keep
-- A message that a person released and that is refused again is the same item, open again: it is known by the name under which
-- it was released and by its bytes. Everything else is kept once per delivery id. A sender may give one id to two messages: the
-- second is another one, and kept under an id of its own. A repeat of one that was erased does not bring it back.
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::bytea[],
        $10::timestamptz[], $11::text[], $12::bytea[], $13::int[]
    ) AS g (delivery_id, channel, kind, ref, source, reason, sentences, headers, original, at, fingerprint, digest, size_bytes)
), back AS (
    SELECT q.id, q.channel, q.attempt, q.state, q.reason AS reason_before, g.delivery_id, g.reason, g.sentences, g.fingerprint,
        q.attempt = q.released_attempt AND q.state <> 'discarded' AND q.erased_at IS NULL AS reopens
    FROM given g JOIN quarantine q ON q.released_as = g.delivery_id AND q.released_digest = g.digest
    FOR UPDATE OF q
), reopened AS (
    UPDATE quarantine q SET state = 'open', state_at = now(), attempt = q.attempt + 1, reason = b.reason,
        sentences = b.sentences, fingerprint = b.fingerprint
    FROM back b WHERE q.id = b.id AND b.reopens
), noted AS (
    INSERT INTO audit (at, person, action, target, channel, reason, before, after)
    SELECT now(), 'the service', 'quarantine.reopened', 'quarantine:' || id, channel, 'It was refused again after its release.',
        jsonb_build_object('state', state, 'reason', reason_before, 'delivery_id', delivery_id),
        jsonb_build_object('state', 'open', 'reason', reason)
    FROM back WHERE reopens
)
INSERT INTO quarantine (
    delivery_id, channel, kind, ref, source, reason, sentences, headers, original, at, fingerprint, digest, size_bytes
)
SELECT
    CASE WHEN EXISTS (
            SELECT FROM quarantine q WHERE q.delivery_id = g.delivery_id AND q.digest <> g.digest AND q.erased_at IS NULL
        )
        THEN g.delivery_id || '#' || left(encode(g.digest, 'hex'), 16) ELSE g.delivery_id END,
    channel, kind, ref, source, reason, sentences, headers, original, at, fingerprint, digest, size_bytes
FROM given g WHERE NOT EXISTS (SELECT FROM back b WHERE b.delivery_id = g.delivery_id)
ON CONFLICT (delivery_id) DO NOTHING;

-- name: prune
-- Of each channel what is decided and too much, oldest first, and whatever is too old. What waits for a person counts first and
-- never goes for being too much. So many at a time: one statement for a flood's half million would outlast its deadline, each time
-- again.
DELETE FROM quarantine WHERE id IN (
    SELECT id FROM (
        SELECT id, at, state, row_number() OVER newest AS place,
            sum(size_bytes::bigint + edited_bytes) OVER newest AS bytes
        FROM quarantine
        WINDOW newest AS (
            PARTITION BY CASE WHEN channel = ANY($5::text[]) THEN channel ELSE '' END ORDER BY state = 'open' DESC, id DESC
        )
    ) q
    WHERE at < $3 OR (state <> 'open' AND (place > $1 OR bytes > $2))
    ORDER BY id LIMIT $4
)
RETURNING id;

-- name: fills
-- How much waits for a person, by channel; channels that are not configured count together, under "".
SELECT CASE WHEN channel = ANY($1::text[]) THEN channel ELSE '' END AS bucket, count(*) AS items,
    sum(size_bytes::bigint + edited_bytes)::bigint AS bytes, min(at) AS oldest
FROM quarantine WHERE state = 'open' GROUP BY 1;
