-- Every statement of trials of rules. `-- name: x` begins one.

-- name: ended
-- What no process works on any more does not stand in the way of the next one.
UPDATE rule_trials SET state = 'failed', told = $1 WHERE state = 'running' AND beat_at < now() - make_interval(secs => $2);

-- name: forget
DELETE FROM rule_trials WHERE state <> 'running' AND id <= (SELECT id FROM rule_trials ORDER BY id DESC OFFSET $1 LIMIT 1);

-- name: begin
INSERT INTO rule_trials (at, person, since, version, total, kind) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id;

-- name: beat
UPDATE rule_trials SET done = $2, beat_at = now() WHERE id = $1 AND state = 'running' RETURNING id;

-- name: end
UPDATE rule_trials SET state = $2, told = $3, result = $4, done = $5, beat_at = now() WHERE id = $1 AND state = 'running';

-- name: one
SELECT id, kind, at, person, since, version, total, done, told, result,
    CASE WHEN state = 'running' AND beat_at < now() - make_interval(secs => $2) THEN 'failed' ELSE state END AS state
FROM rule_trials WHERE id = $1;

-- name: latest
SELECT id FROM rule_trials WHERE kind = $1 AND (state = $2 OR $2 = '') ORDER BY id DESC LIMIT 1;
