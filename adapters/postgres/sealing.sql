-- Statements about the keys of sealed data. `-- name: x` begins one.

-- name: needed
SELECT id, proof FROM sealing_keys ORDER BY id;

-- name: note
INSERT INTO sealing_keys (id, proof) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT (id) DO NOTHING;

-- name: used
-- How many keys each master key still wraps. Sealed parts that carry their own key begin with the byte 2 and the master's id; what
-- a message in quarantine held from before there was sealing is told apart by its headers.
SELECT s.id, s.first_used_at, coalesce(b.keys, 0)::bigint AS keys, coalesce(p.parts, 0)::bigint AS parts
FROM sealing_keys s
LEFT JOIN (
    SELECT master, count(*) AS keys FROM body_keys WHERE wrapped IS NOT NULL GROUP BY master
) b ON b.master = s.id
LEFT JOIN (
    SELECT encode(substr(part, 2, 2), 'escape') AS master, count(*) AS parts FROM (
        SELECT unnest(ARRAY[sentences, headers]) AS part FROM quarantine
        UNION ALL SELECT unnest(ARRAY[original, edited]) FROM quarantine WHERE substr(headers, 1, 1) = '\x02'
        UNION ALL SELECT subject FROM privacy_requests
        UNION ALL SELECT body FROM idempotency
        UNION ALL SELECT said FROM exchanges
    ) parts WHERE substr(part, 1, 1) = '\x02' GROUP BY 1
) p ON p.master = s.id
WHERE s.id <> 'names' ORDER BY s.id;

-- name: retire
WITH gone AS (
    DELETE FROM sealing_keys WHERE id = $1 RETURNING id
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'privacy.retire_key', 'sealing_key:' || id, '', $4, '{"state": "kept"}', '{"state": "retired"}'
FROM gone RETURNING target;

-- name: wrapped_keys
SELECT order_id, name, master, wrapped FROM body_keys
WHERE (order_id, name) > ($1::text, $2::text) ORDER BY order_id, name LIMIT $3;

-- name: wrap_keys
-- One that was destroyed or replaced meanwhile is another one, and left alone.
UPDATE body_keys k SET master = $1, wrapped = n.fresh
FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS n (order_id, name, old, fresh)
WHERE k.order_id = n.order_id AND k.name = n.name AND k.wrapped = n.old
RETURNING k.order_id;

-- name: sealed_items
SELECT id, digest, fingerprint, sentences, headers, original, edited FROM quarantine
WHERE id > $1 AND erased_at IS NULL ORDER BY id LIMIT $2;

-- name: wrap_item
UPDATE quarantine SET sentences = $2, headers = $3, original = $4, edited = $5
WHERE id = $1 AND sentences = $6 AND headers = $7 AND original = $8 AND edited IS NOT DISTINCT FROM $9 RETURNING id;

-- name: subjects
SELECT id, delivery_id, subject FROM privacy_requests WHERE id > $1 AND subject IS NOT NULL ORDER BY id LIMIT $2;

-- name: wrap_subject
UPDATE privacy_requests SET subject = $2 WHERE id = $1 AND subject = $3 RETURNING id;

-- name: answers
SELECT api_key_id, idempotency_key, body FROM idempotency
WHERE (api_key_id, idempotency_key) > ($1::text, $2::text) AND body IS NOT NULL ORDER BY 1, 2 LIMIT $3;

-- name: wrap_answer
UPDATE idempotency SET body = $3 WHERE api_key_id = $1 AND idempotency_key = $2 AND body = $4 RETURNING api_key_id;

-- name: exchanges
SELECT id, order_id, said FROM exchanges WHERE id > $1 ORDER BY id LIMIT $2;

-- name: wrap_exchange
UPDATE exchanges SET said = $2 WHERE id = $1 AND said = $3 RETURNING id;
