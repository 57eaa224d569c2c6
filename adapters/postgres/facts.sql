-- Every statement of the facts for other services. `-- name: x` begins one.

-- name: begin_progress
INSERT INTO fact_progress (id, xid, position, channels) VALUES (1, pg_snapshot_xmin(pg_current_snapshot()), 0, '{}')
ON CONFLICT (id) DO NOTHING;

-- name: begin
-- A place that this cluster can't have reached yet is of a dump that was restored; and so are, the first time, events that it can't
-- have written yet. No event is counted or passed over for that: a start must not take longer with every order.
WITH before AS (
    SELECT
        channels, pg_snapshot_xmin(pg_current_snapshot()) AS now,
        coalesce(resume, xid) >= pg_snapshot_xmax(pg_current_snapshot()) OR (
            told_to = 0 AND dumped_to = 0
            AND EXISTS (SELECT FROM events e WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
        ) AS restored,
        coalesce(pg_sequence_last_value('events_position_seq'), 0) AS newest
    FROM fact_progress WHERE id = 1 FOR UPDATE
), passed_over AS (
    UPDATE quarantine SET told = state
    WHERE told <> state AND channel = ANY($1::text[]) AND channel <> ALL((SELECT channels FROM before)::text[])
)
UPDATE fact_progress p SET
    channels = $1::text[],
    xid = CASE WHEN b.channels = '{}' THEN b.now ELSE p.xid END,
    position = CASE WHEN b.channels = '{}' THEN 0 ELSE p.position END,
    told_to = CASE WHEN b.channels = '{}' AND (b.restored OR p.resume IS NOT NULL) THEN b.newest ELSE p.told_to END,
    dumped_to = CASE WHEN b.restored THEN b.newest ELSE p.dumped_to END,
    resume = CASE WHEN b.channels = '{}' THEN NULL WHEN b.restored THEN b.now ELSE p.resume END
FROM before b WHERE p.id = 1
RETURNING b.restored;

-- name: place
SELECT xid, position, told_to, dumped_to, resume FROM fact_progress WHERE id = 1;

-- name: page_end
-- Where the page of events after ($1, $2) and above position $4 ends ($3 long), and how many it has; no row when there are none.
SELECT xid, position, events, at FROM (
    SELECT e.xid, e.position, e.at, count(*) OVER () AS events FROM (
        SELECT xid, position, at FROM events
        WHERE (xid, position) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND position > $4
        ORDER BY xid, position LIMIT $3
    ) e
) e ORDER BY xid DESC, position DESC LIMIT 1;

-- name: dumped_end
-- The same of a dump: all of its events up to position $5 were committed, whatever this cluster counts.
SELECT xid, position, events, at FROM (
    SELECT e.xid, e.position, e.at, count(*) OVER () AS events FROM (
        SELECT xid, position, at FROM events
        WHERE (xid, position) > ($1::xid8, $2::bigint) AND position > $4 AND position <= $5
        ORDER BY xid, position LIMIT $3
    ) e
) e ORDER BY xid DESC, position DESC LIMIT 1;

-- name: resume
-- All of the dump was told.
UPDATE fact_progress SET xid = resume, position = 0, told_to = dumped_to, resume = NULL WHERE id = 1 AND resume IS NOT NULL;

-- name: page
-- What is told of the page after ($1, $2) that ends at ($3, $4), of positions above $9 up to $10. An input's `version` is the
-- order's after it, or 0 when it changed nothing: so an event's inputs are those of the next version that has any. What a parcel is called by others stands in events before.
SELECT e.version, e.type, e.body, e.at, o.channel, o.ref, o.number, o.order_id, o.reference,
    ARRAY(
        SELECT i.input_id FROM inbox i WHERE i.order_id = e.order_id AND i.version = (
            SELECT min(j.version) FROM inbox j WHERE j.order_id = e.order_id AND j.version >= e.version
        ) ORDER BY i.input_id
    ) AS inputs,
    CASE WHEN e.type = ANY($7::text[]) THEN ARRAY(
        SELECT b.body FROM events b
        WHERE b.order_id = e.order_id AND b.version <= e.version AND b.type = ANY($8::text[]) ORDER BY b.version
    ) ELSE '{}' END AS before
FROM events e JOIN orders o ON o.order_id = e.order_id
WHERE (e.xid, e.position) > ($1::xid8, $2::bigint)
    AND (e.xid, e.position) <= ($3::xid8, $4::bigint) AND e.position > $9 AND e.position <= $10 AND e.type = ANY($6::text[]) AND o.channel = ANY($5::text[])
ORDER BY e.xid, e.position;

-- name: advance
UPDATE fact_progress SET xid = $1, position = $2 WHERE id = 1 AND (xid, position) < ($1::xid8, $2::bigint);

-- name: untold
SELECT id, delivery_id, channel, kind, ref, reason, state, attempt, coalesce(state_at, at) AS at FROM quarantine
WHERE told <> state AND channel = ANY($1::text[]) ORDER BY channel, id LIMIT $2;

-- name: told
UPDATE quarantine q SET told = t.state FROM unnest($1::bigint[], $2::text[]) AS t (id, state) WHERE q.id = t.id;
