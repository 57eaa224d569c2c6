-- Every statement about alerts. `-- name: x` begins one.

-- name: causes
-- Open incidents, and each partner in trouble for which something waits by itself. $1: the category that the latter make together.
SELECT category AS cause, category, '' AS subject, '' AS words, opened_at FROM incidents WHERE is_open AND category <> $1
UNION ALL
SELECT $1 || ':' || lane, $1, lane, words, since FROM troubles t
WHERE EXISTS (SELECT FROM effects e WHERE e.lane = t.lane AND e.status = 'open')
ORDER BY opened_at LIMIT $2;

-- name: open
-- The time of what is known stays, also when its cause was gone for a moment.
INSERT INTO alerts (cause, category, subject, severity, words, opened_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
ON CONFLICT (cause) WHERE resolved_at IS NULL DO UPDATE
    SET words = excluded.words, severity = excluded.severity, gone_at = NULL
    WHERE alerts.words <> excluded.words OR alerts.severity <> excluded.severity OR alerts.gone_at IS NOT NULL;

-- name: gone
UPDATE alerts SET gone_at = $2 WHERE resolved_at IS NULL AND gone_at IS NULL AND NOT cause = ANY($1::text[]);

-- name: resolve
UPDATE alerts SET resolved_at = gone_at WHERE resolved_at IS NULL AND gone_at <= $1;

-- name: standing
-- What may have to be sent: open alerts, and those resolved lately of which that was not said where they were sent.
SELECT id, cause, category, subject, severity, words, opened_at, resolved_at, acknowledged_at, acknowledged_by, acknowledged_why
FROM alerts a
WHERE resolved_at IS NULL OR resolved_at > $1 AND EXISTS (
    SELECT FROM alert_sendings s WHERE s.alert_id = a.id AND s.sent > 0 AND NOT s.resolved_said
)
ORDER BY id LIMIT $2;

-- name: sendings
SELECT alert_id, route, sent, sent_at, resolved_said, tries, next_at, error FROM alert_sendings WHERE alert_id = ANY($1::bigint[]);

-- name: claim
-- One process alone tries a message, and after a crash it is tried again when the call would long have ended.
INSERT INTO alert_sendings (alert_id, route, tries, next_at) VALUES ($1, $2, 1, $4)
ON CONFLICT (alert_id, route) DO UPDATE SET tries = alert_sendings.tries + 1, next_at = $4
    WHERE alert_sendings.sent = $3 AND coalesce(alert_sendings.next_at <= $5, true)
RETURNING tries;

-- name: sent
UPDATE alert_sendings SET sent = sent + CASE WHEN $3 THEN 0 ELSE 1 END, sent_at = $4, resolved_said = resolved_said OR $3,
    tries = 0, next_at = NULL, error = ''
WHERE alert_id = $1 AND route = $2;

-- name: failed
UPDATE alert_sendings SET next_at = $3, error = $4, tries = CASE WHEN $5 THEN 0 ELSE tries END,
    resolved_said = resolved_said OR ($5 AND $6)
WHERE alert_id = $1 AND route = $2;

-- name: acknowledge
WITH done AS (
    UPDATE alerts SET acknowledged_at = $2, acknowledged_by = $3, acknowledged_why = $4
    WHERE id = $1 AND acknowledged_at IS NULL AND resolved_at IS NULL RETURNING id, cause
)
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
SELECT $2, $3, 'alert.acknowledge', 'alert:' || id, '', $4, '{}'::jsonb, jsonb_build_object('cause', cause) FROM done
RETURNING id;

-- name: list
SELECT id, cause, category, subject, severity, words, opened_at, resolved_at, acknowledged_at, acknowledged_by, acknowledged_why
FROM alerts WHERE id < $1 AND ($2 OR resolved_at IS NULL) ORDER BY id DESC LIMIT $3;

-- name: one
SELECT id, cause, category, subject, severity, words, opened_at, resolved_at, acknowledged_at, acknowledged_by, acknowledged_why
FROM alerts WHERE id = $1;

-- name: prune
DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE resolved_at < $1 LIMIT 1000);
