-- Every statement of the journal. `-- name: x` begins one; `statements.py` loads them.
--
-- `(x IN (SELECT …)) IS TRUE` instead of a join: it stays a hashed look-up whatever the planner guesses about the size of the
-- arrays, and one hash probe a row is what it costs. Times travel as seconds since 1970 (float8 holds microseconds
-- until the year 2255): the driver encodes a float five times faster than a timestamp.

-- name: append
-- One batch, all or nothing for each order. Returns a row for each order that was not written: its place in the batch
-- and why: 1 duplicate, 2 conflict, 3 lease lost.
WITH
held AS MATERIALIZED (
    -- FOR SHARE: a take-over waits for this commit, or this sees its epoch. Locked in order of partition, as renewals
    -- do, so that the two can't deadlock.
    SELECT l.partition
    FROM leases l JOIN unnest($1::int[], $2::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
    ORDER BY l.partition FOR SHARE OF l
),
given AS MATERIALIZED (
    SELECT * FROM unnest(
        $3::text[], $4::int[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::bigint[], $15::bool[], $16::bool[], $17::bytea[], $18::float8[]
    ) WITH ORDINALITY AS g (
        order_id, partition, expected, version, channel, ref, number, correlation_id, stage,
        waiting_for, currency, total_minor, final, attention, state, at, place
    )
),
known AS MATERIALIZED (
    SELECT n.order_id
    FROM unnest($19::text[], $20::text[]) AS n (order_id, input_id)
    JOIN inbox b ON b.order_id = n.order_id AND b.input_id = n.input_id
),
may AS MATERIALIZED (
    SELECT * FROM given
    WHERE (partition IN (SELECT partition FROM held)) IS TRUE AND (order_id IN (SELECT order_id FROM known)) IS NOT TRUE
),
created AS (
    INSERT INTO orders (
        order_id, version, partition, channel, ref, number, correlation_id, stage, waiting_for, currency, total_minor,
        final, attention, state, placed_at, updated_at, stage_since
    )
    SELECT
        order_id, version, partition, channel, ref, number, correlation_id, stage, waiting_for, currency, total_minor,
        final, attention, state, to_timestamp(at), to_timestamp(at), to_timestamp(at)
    FROM may WHERE expected = 0 AND version > 0
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
),
changed AS (
    -- The optimistic check: whoever waited here for another writer compares with what that one left.
    UPDATE orders o SET
        version = m.version, channel = m.channel, ref = m.ref, number = m.number, correlation_id = m.correlation_id,
        stage = m.stage, waiting_for = m.waiting_for, currency = m.currency, total_minor = m.total_minor,
        final = m.final, attention = m.attention, state = m.state, updated_at = to_timestamp(m.at),
        stage_since = CASE WHEN o.stage = m.stage THEN o.stage_since ELSE to_timestamp(m.at) END
    FROM may m
    WHERE m.expected > 0 AND o.order_id = m.order_id AND o.version = m.expected
    RETURNING o.order_id
),
won AS MATERIALIZED (
    SELECT order_id FROM created
    UNION ALL
    SELECT order_id FROM changed
    UNION ALL
    -- Nothing was ever decided about this order and nothing is now: remember the inputs and timers, but make no row.
    SELECT order_id FROM may m
    WHERE m.expected = 0 AND m.version = 0 AND NOT EXISTS (SELECT FROM orders o WHERE o.order_id = m.order_id)
),
taken AS (
    INSERT INTO inbox (order_id, input_id, version, at)
    SELECT order_id, input_id, version, to_timestamp(at)
    FROM unnest($19::text[], $20::text[], $21::int[], $22::float8[]) AS n (order_id, input_id, version, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
decided AS (
    INSERT INTO events (order_id, version, type, body, at)
    SELECT order_id, version, type, body, to_timestamp(at)
    FROM unnest($23::text[], $24::int[], $25::text[], $26::bytea[], $27::float8[]) AS e (order_id, version, type, body, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
intended AS (
    -- An effect that starts with an attempt is one that a person has tried again: the dispatcher looks it up before it calls.
    INSERT INTO effects (order_id, number, partition, partner, kind, body, due_at, written_by, trace, attempts, at)
    SELECT order_id, number, partition, partner, kind, body, to_timestamp(at), epoch, trace, attempts, to_timestamp(at)
    FROM unnest(
        $28::text[], $29::int[], $30::int[], $31::text[], $32::text[], $33::bytea[], $34::float8[], $35::bigint[], $36::text[],
        $37::int[]
    ) AS e (order_id, number, partition, partner, kind, body, at, epoch, trace, attempts)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
settled AS (
    UPDATE effects f SET status = s.how, settled_at = to_timestamp(s.at)
    FROM unnest($38::text[], $39::int[], $40::text[], $41::float8[]) AS s (order_id, number, how, at)
    WHERE f.order_id = s.order_id AND f.number = s.number AND (s.order_id IN (SELECT order_id FROM won)) IS TRUE
),
set_timers AS (
    INSERT INTO timers (order_id, name, due_at)
    SELECT order_id, name, to_timestamp(due_at)
    FROM unnest($42::text[], $43::text[], $44::float8[]) AS t (order_id, name, due_at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id, name) DO UPDATE SET due_at = excluded.due_at
),
cleared_timers AS (
    DELETE FROM timers t
    USING unnest($45::text[], $46::text[]) AS c (order_id, name)
    WHERE t.order_id = c.order_id AND t.name = c.name AND (c.order_id IN (SELECT order_id FROM won)) IS TRUE
),
bodies AS (
    INSERT INTO order_bodies (order_id, body, updated_at)
    SELECT order_id, body, to_timestamp(at) FROM unnest($47::text[], $48::bytea[], $49::float8[]) AS b (order_id, body, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at
),
files AS (
    INSERT INTO documents (order_id, name, content_type, content, at)
    SELECT order_id, name, content_type, content, to_timestamp(at)
    FROM unnest($50::text[], $51::text[], $52::text[], $53::bytea[], $54::float8[]) AS d (order_id, name, content_type, content, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id, name) DO UPDATE
        SET content_type = excluded.content_type, content = excluded.content, at = excluded.at
),
keys AS (
    -- What was erased stays so: nothing that comes later gets a key, and is unreadable from the start.
    INSERT INTO body_keys AS b (order_id, name, customer, email, phone, master, wrapped)
    SELECT order_id, name, customer, email, phone, master, wrapped
    FROM unnest($55::text[], $56::text[], $57::bytea[], $58::bytea[], $59::bytea[], $60::text[], $61::bytea[])
        AS k (order_id, name, customer, email, phone, master, wrapped)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
        AND NOT EXISTS (SELECT FROM body_keys e WHERE e.order_id = k.order_id AND e.name = '' AND e.wrapped IS NULL)
    ON CONFLICT (order_id, name) DO UPDATE
        SET customer = excluded.customer, email = excluded.email, phone = excluded.phone, master = excluded.master,
            wrapped = excluded.wrapped
        WHERE b.wrapped IS NOT NULL
)
SELECT
    (g.place - 1)::int AS place,
    CASE
        WHEN (g.partition IN (SELECT partition FROM held)) IS NOT TRUE THEN 3
        WHEN (g.order_id IN (SELECT order_id FROM known)) IS TRUE THEN 1
        ELSE 2
    END AS why
FROM given g
WHERE (g.order_id IN (SELECT order_id FROM won)) IS NOT TRUE;

-- name: known_inputs
SELECT DISTINCT b.order_id
FROM unnest($1::text[], $2::text[]) AS n (order_id, input_id)
JOIN inbox b ON b.order_id = n.order_id AND b.input_id = n.input_id;

-- name: load
-- The latest 500 input ids are enough to drop nearly every repeat early; the inbox drops the rest at append.
SELECT o.order_id, o.version, o.state, o.stage_since, b.body, k.master, k.wrapped, ARRAY(
    SELECT i.input_id FROM inbox i WHERE i.order_id = o.order_id ORDER BY i.at DESC, i.version DESC LIMIT 500
) AS seen
FROM orders o
LEFT JOIN order_bodies b ON b.order_id = o.order_id
LEFT JOIN body_keys k ON k.order_id = o.order_id AND k.name = ''
WHERE o.order_id = ANY($1::text[]);

-- name: documents
SELECT d.name, d.content_type, d.content, k.master, k.wrapped, b.order_id IS NOT NULL AND b.wrapped IS NULL AS erased
FROM documents d
LEFT JOIN body_keys k ON k.order_id = d.order_id AND k.name = d.name
LEFT JOIN body_keys b ON b.order_id = d.order_id AND b.name = ''
WHERE d.order_id = $1 AND ($3::text IS NULL OR d.name = $3) ORDER BY d.name LIMIT $2;

-- name: open_effects
SELECT
    e.order_id, e.number, o.channel, o.ref, o.correlation_id, e.partner, e.body AS effect, e.attempts, e.due_at,
    e.written_by, b.body, e.trace, k.master, k.wrapped
FROM (
    SELECT * FROM effects
    WHERE status = 'open' AND partner = $1 AND due_at <= $2
        AND (order_id, number) NOT IN (SELECT * FROM unnest($4::text[], $5::int[]))
    ORDER BY due_at, order_id, number LIMIT $3
) e
JOIN orders o ON o.order_id = e.order_id
LEFT JOIN order_bodies b ON b.order_id = e.order_id
LEFT JOIN body_keys k ON k.order_id = e.order_id AND k.name = ''
ORDER BY e.due_at, e.order_id, e.number;

-- name: note_effects
-- Fenced by the epoch like an append, but without a lock: a take-over right after a note is as possible as during it, and a row
-- that two transactions share-lock costs the server a multixact each time. Returns the places of notes that were not written because their partition's lease is lost; an
-- effect that has ended meanwhile needs no note.
WITH
held AS MATERIALIZED (
    SELECT l.partition
    FROM leases l JOIN unnest($1::int[], $2::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
),
given AS MATERIALIZED (
    SELECT * FROM unnest($3::text[], $4::int[], $5::int[], $6::float8[], $7::text[])
    WITH ORDINALITY AS n (order_id, number, attempts, due_at, error, place)
),
noted AS (
    UPDATE effects f SET attempts = n.attempts, due_at = to_timestamp(n.due_at), error = n.error
    FROM given n
    WHERE f.order_id = n.order_id AND f.number = n.number AND f.status = 'open'
        AND (f.partition IN (SELECT partition FROM held)) IS TRUE
)
SELECT (n.place - 1)::int AS place
FROM given n JOIN effects f ON f.order_id = n.order_id AND f.number = n.number
WHERE (f.partition IN (SELECT partition FROM held)) IS NOT TRUE;

-- name: effect_counts
SELECT partner, count(*) AS open, extract(epoch FROM now() - min(at))::float8 AS oldest_seconds
FROM effects WHERE status = 'open' GROUP BY partner;

-- name: due_timers
SELECT order_id, name, due_at FROM timers
WHERE due_at <= $1 AND (order_id, name) NOT IN (SELECT * FROM unnest($3::text[], $4::text[]))
ORDER BY due_at, order_id, name LIMIT $2;

-- name: overdue_timers
-- Bounded, because it is asked every few seconds, also after a day in which nothing fired.
SELECT count(*)::int AS timers FROM (SELECT FROM timers WHERE due_at <= $1 LIMIT 10000) AS overdue;

-- name: take_leases
-- All or none: nothing is taken while somebody else's lease runs. The same owner takes its own over at once, with a new epoch.
INSERT INTO leases (partition, owner, epoch, expires_at)
SELECT p, $1::text, 1, now() + make_interval(secs => $2::float8)
FROM generate_series(0, $3::int - 1) AS p
WHERE NOT EXISTS (SELECT FROM leases WHERE owner <> $1::text AND expires_at > now())
ORDER BY p
ON CONFLICT (partition) DO UPDATE
    SET owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
    WHERE leases.owner = excluded.owner OR leases.expires_at <= now()
RETURNING partition, epoch;

-- name: lease_holder
SELECT owner, extract(epoch FROM max(expires_at) - now())::float8 AS left_seconds
FROM leases WHERE owner <> $1 AND expires_at > now() GROUP BY owner ORDER BY owner LIMIT 1;

-- name: renew_leases
WITH mine AS MATERIALIZED (
    SELECT l.partition
    FROM leases l JOIN unnest($2::int[], $3::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
    ORDER BY l.partition FOR UPDATE OF l
)
UPDATE leases l SET expires_at = now() + make_interval(secs => $1::float8)
FROM mine m WHERE l.partition = m.partition
RETURNING l.partition;

-- name: read_events
-- Only what every later reader will see as finished: no transaction that is still open can commit into the part already read.
SELECT order_id, version, type, body, at, xid, position FROM events
WHERE (xid, position) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, position LIMIT $3;

-- name: replay_orders
SELECT order_id, version, state FROM orders WHERE order_id > $1 ORDER BY order_id LIMIT $2;

-- name: replay_events
-- Up to the version read with the order: an order may have moved on between the two queries.
SELECT e.order_id, e.version, e.body
FROM unnest($1::text[], $2::int[]) AS o (order_id, version) JOIN events e ON e.order_id = o.order_id AND e.version <= o.version
ORDER BY e.order_id, e.version;
