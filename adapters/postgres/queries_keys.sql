-- API keys and idempotency records. Loaded by keys.py and idempotency.py.

-- name: create_key
INSERT INTO api_keys (id, name, digest, scopes, channels, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: find_key
SELECT id, name, digest, scopes, channels, created_at, last_used_at, revoked_at FROM api_keys WHERE id = $1;

-- name: list_keys
SELECT id, name, digest, scopes, channels, created_at, last_used_at, revoked_at FROM api_keys
ORDER BY created_at, id LIMIT 1000;

-- name: touch_key
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3);

-- name: revoke_key
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id;

-- name: begin_request
-- A row that is older than a day ($6), or whose request died under way ($5), is taken over.
INSERT INTO idempotency AS i (api_key_id, idempotency_key, digest, begun_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (api_key_id, idempotency_key) DO UPDATE
SET digest = excluded.digest, begun_at = excluded.begun_at, status = NULL, body = NULL
WHERE i.begun_at < $6 OR (i.status IS NULL AND i.digest = excluded.digest AND i.begun_at < $5)
RETURNING true;

-- name: find_request
SELECT digest, status, body FROM idempotency WHERE api_key_id = $1 AND idempotency_key = $2;

-- name: finish_request
UPDATE idempotency SET status = $4, body = $5
WHERE api_key_id = $1 AND idempotency_key = $2 AND digest = $3;

-- name: abandon_request
DELETE FROM idempotency
WHERE api_key_id = $1 AND idempotency_key = $2 AND digest = $3 AND status IS NULL;

-- name: purge_requests
DELETE FROM idempotency WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency WHERE begun_at < $1 LIMIT $2))
RETURNING true;
