-- Every statement of the incidents. `-- name: x` begins one.

-- name: lock_progress
SELECT xid, position, quarantine_id, events_at, counted_to, dumped_to, resume FROM incident_progress WHERE id = 1 FOR UPDATE;

-- name: begin
-- Whether a dump was restored, as in facts.sql.
UPDATE incident_progress SET
    dumped_to = coalesce(pg_sequence_last_value('events_position_seq'), 0),
    resume = pg_snapshot_xmin(pg_current_snapshot()), began = pg_snapshot_xmin(pg_current_snapshot())
WHERE id = 1 AND (
    coalesce(resume, xid) >= pg_snapshot_xmax(pg_current_snapshot()) OR (
        dumped_to = 0 AND EXISTS (SELECT FROM events e WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
    )
)
RETURNING dumped_to;

-- name: resume
-- All of the dump was counted.
UPDATE incident_progress SET xid = resume, position = 0, counted_to = dumped_to, resume = NULL WHERE id = 1 AND resume IS NOT NULL;

-- name: begin_progress
INSERT INTO incident_progress DEFAULT VALUES ON CONFLICT (id) DO NOTHING;

-- name: page
-- One page of events in commit order (as `read_events`), and of it only what may be a failure ($4) or may settle one ($5) of an
-- order that has one; and the last row, which says where the page ends. Placed orders are counted on the way. Of positions above $6
-- up to $7; all events of a dump ($8) were committed, whatever this cluster counts.
WITH
page AS MATERIALIZED (
    SELECT order_id, type, body, at, xid, position,
        -- Most orders are placed without a doubt.
        type = ANY($4::text[]) AND CASE type
            WHEN 'order.placed.v2' THEN position('"doubts"'::bytea IN body) > 0
            ELSE true
        END AS fails
    FROM events
    WHERE (xid, position) > ($1::xid8, $2::bigint)
        AND xid < CASE WHEN $8::bool THEN '18446744073709551615'::xid8 ELSE pg_snapshot_xmin(pg_current_snapshot()) END
        AND position > $6::bigint AND position <= $7::bigint
    ORDER BY xid, position LIMIT $3
),
affected AS MATERIALIZED (
    SELECT order_id FROM page WHERE fails
    UNION
    SELECT i.order_id
    FROM (SELECT DISTINCT order_id FROM page WHERE type = ANY($5::text[])) p
    JOIN incident_orders i ON i.order_id = p.order_id AND i.is_open
),
ends AS MATERIALIZED (SELECT xid, position FROM page ORDER BY xid DESC, position DESC LIMIT 1),
placed AS (
    INSERT INTO incident_placed (channel, hour, orders)
    SELECT o.channel, date_trunc('hour', p.at, 'UTC'), count(*)
    FROM page p JOIN orders o ON o.order_id = p.order_id
    WHERE p.type = 'order.placed.v2'
    GROUP BY 1, 2
    ON CONFLICT (channel, hour) DO UPDATE SET orders = incident_placed.orders + excluded.orders
),
chosen AS MATERIALIZED (
    SELECT *, (order_id IN (SELECT order_id FROM affected)) IS TRUE AND (fails OR type = ANY($5::text[])) AS tells
    FROM page
    WHERE (order_id IN (SELECT order_id FROM affected)) IS TRUE OR (xid, position) = (SELECT xid, position FROM ends)
)
SELECT
    c.order_id, c.type, c.body, c.at, c.xid, c.position, c.tells, coalesce(o.channel, '') AS channel,
    (SELECT count(*) FROM page)::int AS read
FROM chosen c LEFT JOIN orders o ON o.order_id = c.order_id
ORDER BY c.xid, c.position;

-- name: progress_events
UPDATE incident_progress SET xid = $1::xid8, position = $2, events_at = $3 WHERE id = 1;

-- name: oldest_unread
-- Of the present count, only what this cluster has written: of a dump's events there may be millions behind it.
SELECT e.at FROM incident_progress p, LATERAL (
    SELECT at FROM events
    WHERE (xid, position) > (p.xid, p.position) AND position > p.counted_to
        AND xid < CASE
            WHEN p.resume IS NULL THEN pg_snapshot_xmax(pg_current_snapshot()) ELSE '18446744073709551615'::xid8
        END
    ORDER BY xid, position LIMIT 1
) e;

-- name: anything_quarantined
SELECT EXISTS (SELECT FROM quarantine q WHERE q.id > coalesce((SELECT quarantine_id FROM incident_progress WHERE id = 1), 0));

-- name: quarantine_page
SELECT id, channel, reason, at FROM quarantine WHERE id > $1 ORDER BY id LIMIT $2;

-- name: undecided
-- Which of these reasons have an item, up to this id, that no one has released or discarded.
SELECT r.reason FROM unnest($1::text[]) AS r (reason)
WHERE EXISTS (SELECT FROM quarantine q WHERE q.reason = r.reason AND q.state = 'open' AND q.id <= $2);

-- name: decided
SELECT reason, max(state_at) AS at FROM quarantine
WHERE reason = ANY($1::text[]) AND state_at IS NOT NULL GROUP BY reason;

-- name: progress_quarantine
UPDATE incident_progress SET quarantine_id = $1 WHERE id = 1;

-- name: add_told
INSERT INTO incident_told (category, channel, hour, occurrences, last_at)
SELECT category, channel, date_trunc('hour', at, 'UTC'), sum(occurrences), max(at)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS t (category, channel, occurrences, at)
GROUP BY 1, 2, 3
ON CONFLICT (category, channel, hour) DO UPDATE
    SET occurrences = incident_told.occurrences + excluded.occurrences,
        last_at = greatest(incident_told.last_at, excluded.last_at);

-- name: all_told
SELECT category, channel, occurrences, last_at FROM incident_told ORDER BY last_at, category, channel;

-- name: incidents
SELECT category, is_open, opened_at, resolved_at, settled_at, first_at, last_at, occurrences, episode, reopened, waiting
FROM incidents ORDER BY category;

-- name: known_channels
SELECT category, channel FROM incident_channels;

-- name: affected_orders
SELECT category, order_id, channel, matter, is_open, first_at, last_at, occurrences
FROM incident_orders WHERE order_id = ANY($1::text[]);

-- name: write_incidents
INSERT INTO incidents (
    category, is_open, opened_at, resolved_at, settled_at, first_at, last_at, occurrences, episode, reopened, waiting
)
SELECT * FROM unnest(
    $1::text[], $2::bool[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
    $8::bigint[], $9::bigint[], $10::int[], $11::int[]
)
ON CONFLICT (category) DO UPDATE SET
    is_open = excluded.is_open, opened_at = excluded.opened_at, resolved_at = excluded.resolved_at,
    settled_at = excluded.settled_at, first_at = excluded.first_at, last_at = excluded.last_at,
    occurrences = excluded.occurrences, episode = excluded.episode, reopened = excluded.reopened, waiting = excluded.waiting;

-- name: write_episodes
INSERT INTO incident_episodes (category, opened_at, resolved_at, occurrences)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::bigint[])
ON CONFLICT (category, opened_at) DO UPDATE SET resolved_at = excluded.resolved_at, occurrences = excluded.occurrences;

-- name: add_hours
INSERT INTO incident_hours (category, channel, hour, occurrences)
SELECT category, channel, hour, occurrences
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[]) AS h (category, channel, hour, occurrences)
ON CONFLICT (category, channel, hour) DO UPDATE SET occurrences = incident_hours.occurrences + excluded.occurrences;

-- name: add_channels
INSERT INTO incident_channels (category, channel, first_at, last_at, occurrences)
SELECT category, channel, first_at, last_at, occurrences
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[])
    AS c (category, channel, first_at, last_at, occurrences)
ON CONFLICT (category, channel) DO UPDATE SET
    first_at = least(incident_channels.first_at, excluded.first_at),
    last_at = greatest(incident_channels.last_at, excluded.last_at),
    occurrences = incident_channels.occurrences + excluded.occurrences;

-- name: write_orders
INSERT INTO incident_orders (category, order_id, channel, matter, is_open, first_at, last_at, occurrences)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::timestamptz[], $7::timestamptz[], $8::int[]
)
ON CONFLICT (category, order_id) DO UPDATE SET
    matter = excluded.matter, is_open = excluded.is_open, first_at = excluded.first_at, last_at = excluded.last_at,
    occurrences = excluded.occurrences;

-- name: forget_all
-- Everything that can be counted again, and the place to begin from.
WITH
a AS (DELETE FROM incidents), b AS (DELETE FROM incident_episodes), c AS (DELETE FROM incident_channels),
d AS (DELETE FROM incident_hours), e AS (DELETE FROM incident_placed), f AS (DELETE FROM incident_orders)
UPDATE incident_progress SET
    xid = '0', position = 0, quarantine_id = 0, events_at = NULL, counted_to = 0, resume = began
WHERE id = 1;

-- name: prune
WITH
a AS (DELETE FROM incident_hours WHERE hour < $1), b AS (DELETE FROM incident_placed WHERE hour < $1),
c AS (DELETE FROM incident_told WHERE hour < $1), d AS (DELETE FROM incident_episodes WHERE resolved_at < $1),
e AS (DELETE FROM incident_orders WHERE last_at < $1 AND NOT is_open)
SELECT;

-- name: list
-- $1: channels (null: all). $2: now. $3: one category (null: all). $4: open or not (null: both).
WITH
seen AS (
    SELECT category, sum(occurrences)::bigint AS occurrences, min(first_at) AS first_at, max(last_at) AS last_at,
        array_agg(channel ORDER BY occurrences DESC, channel) AS channels
    FROM incident_channels WHERE ($1::text[] IS NULL OR channel = ANY($1)) AND ($3::text IS NULL OR category = $3)
    GROUP BY category
),
counted AS (
    SELECT category,
        sum(occurrences) FILTER (WHERE age < 1) AS hour_now, sum(occurrences) FILTER (WHERE age = 1) AS hour_before,
        sum(occurrences) FILTER (WHERE age < 24) AS day_now,
        sum(occurrences) FILTER (WHERE age BETWEEN 24 AND 47) AS day_before,
        sum(occurrences) FILTER (WHERE age < 168) AS week_now,
        sum(occurrences) FILTER (WHERE age BETWEEN 168 AND 335) AS week_before
    FROM (
        SELECT category, occurrences,
            (extract(epoch FROM date_trunc('hour', $2::timestamptz, 'UTC') - hour) / 3600)::int AS age
        FROM incident_hours
        WHERE hour > $2::timestamptz - interval '15 days' AND ($1::text[] IS NULL OR channel = ANY($1))
            AND ($3::text IS NULL OR category = $3)
    ) h
    GROUP BY category
),
affected AS (
    SELECT category, count(*) FILTER (WHERE last_at >= date_trunc('hour', $2::timestamptz, 'UTC') - interval '23 hours') AS orders,
        count(*) FILTER (WHERE is_open) AS waiting
    FROM incident_orders
    WHERE (is_open OR last_at >= $2::timestamptz - interval '24 hours') AND ($1::text[] IS NULL OR channel = ANY($1))
        AND ($3::text IS NULL OR category = $3)
    GROUP BY category
),
kept AS (
    SELECT reason AS category, count(*) AS waiting FROM quarantine
    WHERE state = 'open' AND ($1::text[] IS NULL OR channel = ANY($1)) AND ($3::text IS NULL OR reason = $3)
    GROUP BY reason
),
placed AS (
    SELECT coalesce(sum(orders), 0)::bigint AS orders FROM incident_placed
    WHERE hour >= date_trunc('hour', $2::timestamptz, 'UTC') - interval '23 hours' AND ($1::text[] IS NULL OR channel = ANY($1))
)
SELECT i.category, i.is_open, i.opened_at, i.resolved_at, i.reopened, s.occurrences, s.first_at, s.last_at, s.channels,
    coalesce(c.hour_now, 0)::bigint AS hour_now, coalesce(c.hour_before, 0)::bigint AS hour_before,
    coalesce(c.day_now, 0)::bigint AS day_now, coalesce(c.day_before, 0)::bigint AS day_before,
    coalesce(c.week_now, 0)::bigint AS week_now, coalesce(c.week_before, 0)::bigint AS week_before,
    coalesce(a.orders, 0)::bigint AS affected, (coalesce(a.waiting, 0) + coalesce(k.waiting, 0))::bigint AS waiting, p.orders AS placed
FROM incidents i JOIN seen s ON s.category = i.category LEFT JOIN counted c ON c.category = i.category
LEFT JOIN affected a ON a.category = i.category LEFT JOIN kept k ON k.category = i.category CROSS JOIN placed p
WHERE $4::bool IS NULL OR i.is_open = $4
ORDER BY i.is_open DESC, s.last_at DESC, i.category;

-- name: series
SELECT hour, sum(occurrences)::bigint AS occurrences FROM incident_hours
WHERE category = $1 AND hour > $2 AND ($3::text[] IS NULL OR channel = ANY($3)) GROUP BY hour ORDER BY hour;

-- name: samples
SELECT order_id FROM incident_orders WHERE category = $1 AND ($2::text[] IS NULL OR channel = ANY($2))
ORDER BY last_at DESC, order_id LIMIT $3;

-- name: quarantined_samples
SELECT id FROM quarantine WHERE reason = $1 AND ($2::text[] IS NULL OR channel = ANY($2)) ORDER BY id DESC LIMIT $3;

-- name: episodes
SELECT opened_at, resolved_at, occurrences FROM incident_episodes WHERE category = $1 ORDER BY opened_at DESC LIMIT $2;

-- name: open_count
SELECT count(*)::int AS open FROM incidents WHERE is_open;
