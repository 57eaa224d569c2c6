-- Every statement about users of the console. `-- name: x` begins one.

-- name: add
INSERT INTO users (name, role, channels, password, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING RETURNING name;

-- name: list
SELECT name, role, channels, password, created_at, seen_at, disabled_at FROM users ORDER BY name LIMIT 1000;

-- name: find
SELECT name, role, channels, password, created_at, seen_at, disabled_at FROM users WHERE name = $1;

-- name: set_password
-- Whoever else has signed in by the old one is signed out.
WITH ended AS (DELETE FROM user_sessions WHERE name = $1)
UPDATE users SET password = $2 WHERE name = $1 AND disabled_at IS NULL RETURNING name;

-- name: rehash
UPDATE users SET password = $3 WHERE name = $1 AND password = $2;

-- name: disable
WITH ended AS (DELETE FROM user_sessions WHERE name = $1), links AS (DELETE FROM user_links WHERE name = $1)
UPDATE users SET disabled_at = $2 WHERE name = $1 AND disabled_at IS NULL RETURNING name;

-- name: begin
-- Sessions that ended by themselves go, and of one user the oldest beyond twenty.
WITH old AS (DELETE FROM user_sessions WHERE begun_at < $4 OR seen_at < $5),
more AS (
    DELETE FROM user_sessions WHERE digest IN (
        SELECT digest FROM user_sessions WHERE name = $2 ORDER BY seen_at DESC OFFSET 19
    )
),
seen AS (UPDATE users SET seen_at = $3 WHERE name = $2)
INSERT INTO user_sessions (digest, name, begun_at, seen_at)
SELECT $1, name, $3, $3 FROM users WHERE name = $2 AND disabled_at IS NULL RETURNING name;

-- name: session
SELECT u.name, u.role, u.channels, u.password, u.created_at, s.seen_at, u.disabled_at FROM user_sessions s JOIN users u ON u.name = s.name
WHERE s.digest = $1 AND s.begun_at >= $2 AND s.seen_at >= $3 AND u.disabled_at IS NULL;

-- name: touch
UPDATE user_sessions SET seen_at = $2 WHERE digest = $1;

-- name: end
DELETE FROM user_sessions WHERE digest = $1;

-- name: make_link
WITH old AS (DELETE FROM user_links WHERE expires_at < $4)
INSERT INTO user_links (digest, name, expires_at)
SELECT $1, name, $3 FROM users WHERE name = $2 AND disabled_at IS NULL RETURNING name;

-- name: use_link
DELETE FROM user_links WHERE digest = $1 AND expires_at >= $2 RETURNING name;
