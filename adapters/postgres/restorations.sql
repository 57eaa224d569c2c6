-- Every statement about restored databases. `-- name: x` begins one.

-- name: restored
-- The database was put back: the next start begins with it. What was noted first knows best how.
INSERT INTO restorations (how, taken_at)
SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM restorations WHERE began_at IS NULL);

-- name: is_foreign
-- Whether the newest events bear transaction numbers that this cluster has not reached, and no restoration is noted that explains it.
SELECT EXISTS (
    SELECT FROM events WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())
        AND position > (SELECT coalesce(max(known_to), 0) FROM restorations)
) AND NOT EXISTS (SELECT FROM restorations WHERE began_at IS NULL);

-- name: begin
-- The first start after a restoration: all that is open may have been done since the dump was made.
WITH begun AS (
    UPDATE restorations SET began_at = $1, known_to = coalesce(pg_sequence_last_value('events_position_seq'), 0)
    WHERE began_at IS NULL
    RETURNING id
), doubted AS (
    UPDATE effects SET attempts = 1
    WHERE status = 'open' AND attempts = 0 AND EXISTS (SELECT FROM begun)
    RETURNING order_id
)
SELECT (SELECT count(*) FROM begun) AS begun, (SELECT count(*) FROM doubted) AS doubted;

-- name: latest
SELECT how, taken_at, restored_at, began_at, ended_at, ended_by FROM restorations ORDER BY id DESC LIMIT 1;

-- name: end
UPDATE restorations SET ended_at = $1, ended_by = $2, reason = $3
WHERE ended_at IS NULL AND began_at IS NOT NULL RETURNING id;

-- name: held
-- What may have been done before the restoration, can't be looked up and waits for a person, after ($1, $2) in the order of ids.
SELECT o.order_id, o.number AS order_number, o.channel, o.ref, e.number AS effect, e.key, e.kind, e.lane, e.at
FROM orders o JOIN effects e ON e.order_id = o.order_id
WHERE o.attention AND e.status = 'person' AND (e.order_id, e.number) > ($1::text, $2::int)
    AND e.settled_at >= (SELECT min(began_at) FROM restorations WHERE ended_at IS NULL)
    AND EXISTS (
        SELECT FROM json_array_elements(coalesce(convert_from(o.state, 'UTF8')::json -> 'stuck', '[]'::json)) s
        WHERE (s ->> 0)::int = e.number AND s ->> 4 = 'false'
    )
ORDER BY e.order_id, e.number LIMIT $3;

-- name: marked
SELECT number, at FROM stream_marks;

-- name: mark
INSERT INTO stream_marks (number, at) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET number = excluded.number, at = excluded.at;

-- name: newest_event
-- As this cluster counts transactions: one of those that a dump brought may come first, and is as good.
SELECT order_id, version FROM events
WHERE xid < pg_snapshot_xmax(pg_current_snapshot()) ORDER BY xid DESC, position DESC LIMIT 1;

-- name: has_event
SELECT EXISTS (SELECT FROM events WHERE order_id = $1 AND version = $2);
