-- Statements about the keys that sign correlation ids. `-- name: x` begins one.

-- name: known
SELECT id, proof FROM signing_keys WHERE id = ANY($1::text[]) ORDER BY id;

-- name: note
INSERT INTO signing_keys (id, proof) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING;
