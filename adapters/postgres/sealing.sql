-- Statements about the keys of sealed data. `-- name: x` begins one.

-- name: needed
SELECT id, proof FROM sealing_keys ORDER BY id;

-- name: note
INSERT INTO sealing_keys (id, proof) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT (id) DO NOTHING;
