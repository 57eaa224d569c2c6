-- Every statement of the journal. `-- name: x` begins one; `statements.py` loads them.
--
-- `(x IN (SELECT …)) IS TRUE` instead of a join: it stays a hashed look-up whatever the planner guesses about the size of the
-- arrays, and one hash probe a row is what it costs. Times travel as seconds since 1970 (float8 holds microseconds
-- until the year 2255): the driver encodes a float five times faster than a timestamp.

-- name: append
-- One batch, all or nothing for each order. Returns a row for each order that was not written: its place in the batch
-- and why: 1 duplicate, 2 conflict, 3 lease lost. Should the stock not suffice for all that is reserved inside, the check of `stock`
-- fails the whole statement.
WITH
held AS MATERIALIZED (
    -- FOR SHARE: a take-over waits for this commit, or this sees its epoch. Locked in order of partition, as renewals
    -- do, so that the two can't deadlock.
    SELECT l.partition
    FROM leases l JOIN unnest($1::int[], $2::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
    ORDER BY l.partition FOR SHARE OF l
),
given AS MATERIALIZED (
    -- New orders come first, and only they have a channel, a ref and a reference: those columns are shorter, the rest is null.
    SELECT * FROM unnest(
        $3::text[], $4::int[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::text[], $15::bigint[], $16::bool[], $17::bool[], $18::bytea[], $19::float8[], $78::bool[]
    ) WITH ORDINALITY AS g (
        order_id, partition, expected, version, channel, ref, reference, number, stage, progress,
        waiting_for, currency, total_minor, final, needs_person, state, at, in_house, place
    )
),
known AS MATERIALIZED (
    -- The ids of expected replies come last and are not asked about: a stale decision may have numbered its effects as others are,
    -- and is a conflict.
    SELECT n.order_id
    FROM unnest($20::text[], $21::text[]) WITH ORDINALITY AS n (order_id, input_id, place)
    JOIN inbox b ON b.order_id = n.order_id AND b.input_id = n.input_id
    WHERE n.place <= $68::int
),
may AS MATERIALIZED (
    SELECT * FROM given
    WHERE (partition IN (SELECT partition FROM held)) IS TRUE AND (order_id IN (SELECT order_id FROM known)) IS NOT TRUE
),
created AS (
    INSERT INTO orders (
        order_id, version, partition, channel, ref, number, reference, stage, progress, waiting_for, currency, total_minor,
        final, needs_person, in_house, state, placed_at, updated_at, progress_since
    )
    SELECT
        order_id, version, partition, channel, ref, number, reference, stage, progress, waiting_for, currency, total_minor,
        final, needs_person, in_house, state, to_timestamp(at), to_timestamp(at), to_timestamp(at)
    FROM may WHERE expected = 0 AND version > 0
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
),
changed AS (
    -- The optimistic check: whoever waited here for another writer compares with what that one left. What never changes
    -- (channel, ref, reference) is not written again.
    UPDATE orders o SET
        version = m.version, number = m.number, stage = m.stage, progress = m.progress, waiting_for = m.waiting_for,
        currency = m.currency, total_minor = m.total_minor, final = m.final, needs_person = m.needs_person, in_house = m.in_house,
        state = m.state, updated_at = to_timestamp(m.at),
        progress_since = CASE WHEN o.progress = m.progress THEN o.progress_since ELSE to_timestamp(m.at) END,
        -- Seldom anything: then it stays for as long as something else is suspended than what this append ends.
        suspended = CASE
            WHEN o.suspended = '' THEN ''
            WHEN EXISTS (
                SELECT FROM timers t WHERE t.order_id = o.order_id AND t.error <> '' AND (t.order_id, t.key, t.name) NOT IN (
                    SELECT * FROM unnest($43::text[], $44::text[], $45::text[])
                    UNION ALL SELECT * FROM unnest($48::text[], $49::text[], $50::text[])
                )
            ) OR EXISTS (
                SELECT FROM effects f WHERE f.order_id = o.order_id AND f.status = 'suspended'
                    AND (f.order_id, f.number) NOT IN (SELECT * FROM unnest($39::text[], $40::int[]))
            ) THEN o.suspended
            ELSE ''
        END
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
    SELECT order_id, input_id, version, now()
    FROM unnest($20::text[], $21::text[], $22::int[]) AS n (order_id, input_id, version)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
decided AS (
    INSERT INTO events (order_id, version, type, body, at)
    SELECT order_id, version, type, body, to_timestamp(at)
    FROM unnest($23::text[], $24::int[], $25::text[], $26::bytea[], $27::float8[]) AS e (order_id, version, type, body, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
intended AS (
    -- An effect that starts with an attempt is one that a person tries again: the dispatcher looks it up before it calls.
    -- One that is carried out here has ended: `settled` below can't see its row.
    INSERT INTO effects (
        order_id, number, partition, key, lane, kind, body, due_at, written_by, trace, attempts, at, status, settled_at, channel
    )
    SELECT
        order_id, number, partition, key, lane, kind, body, to_timestamp(at), epoch, trace, attempts, to_timestamp(at),
        CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END, to_timestamp(done_at), channel
    FROM unnest(
        $28::text[], $29::int[], $30::int[], $31::text[], $32::text[], $33::text[], $34::bytea[], $35::float8[], $36::bigint[],
        $37::text[], $38::int[], $69::float8[], $77::text[]
    ) AS e (order_id, number, partition, key, lane, kind, body, at, epoch, trace, attempts, done_at, channel)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
settled AS (
    UPDATE effects f SET status = s.how, settled_at = to_timestamp(s.at)
    FROM unnest($39::text[], $40::int[], $41::text[], $42::float8[]) AS s (order_id, number, how, at)
    WHERE f.order_id = s.order_id AND f.number = s.number AND (s.order_id IN (SELECT order_id FROM won)) IS TRUE
),
set_timers AS (
    INSERT INTO timers (order_id, key, name, partition, due_at)
    SELECT order_id, key, name, partition, to_timestamp(due_at)
    FROM unnest($43::text[], $44::text[], $45::text[], $46::int[], $47::float8[]) AS t (order_id, key, name, partition, due_at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id, key, name) DO UPDATE SET due_at = excluded.due_at, error = ''
),
cleared_timers AS (
    DELETE FROM timers t
    USING unnest($48::text[], $49::text[], $50::text[]) AS c (order_id, key, name)
    WHERE t.order_id = c.order_id AND t.key = c.key AND t.name = c.name AND (c.order_id IN (SELECT order_id FROM won)) IS TRUE
),
bodies AS (
    INSERT INTO order_bodies (order_id, name, body, updated_at)
    SELECT order_id, name, body, to_timestamp(at)
    FROM unnest($51::text[], $52::text[], $53::bytea[], $54::float8[]) AS b (order_id, name, body, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id, name) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at
),
files AS (
    INSERT INTO documents (order_id, name, key, content_type, content, at)
    SELECT order_id, name, key, content_type, content, to_timestamp(at)
    FROM unnest($55::text[], $56::text[], $57::text[], $58::text[], $59::bytea[], $60::float8[])
        AS d (order_id, name, key, content_type, content, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
    ON CONFLICT (order_id, name) DO UPDATE
        SET key = excluded.key, content_type = excluded.content_type, content = excluded.content, at = excluded.at
),
keys AS (
    -- What was erased stays so: nothing that comes later gets a key, and is unreadable from the start.
    INSERT INTO body_keys AS b (order_id, name, customer, email, phone, master, wrapped)
    SELECT order_id, name, customer, email, phone, master, wrapped
    FROM unnest($61::text[], $62::text[], $63::bytea[], $64::bytea[], $65::bytea[], $66::text[], $67::bytea[])
        AS k (order_id, name, customer, email, phone, master, wrapped)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
        AND (
            SELECT e.wrapped IS NULL FROM body_keys e WHERE e.order_id = k.order_id AND e.name = '' LIMIT 1
        ) IS NOT TRUE
    ON CONFLICT (order_id, name) DO UPDATE
        SET customer = excluded.customer, email = excluded.email, phone = excluded.phone, master = excluded.master,
            wrapped = excluded.wrapped
        WHERE b.wrapped IS NOT NULL
),
-- What the appends reserve themselves, as the statement `reserve` in stock.sql does it; but whoever loads stock may hold its rows
-- for long, and all orders wait for this statement. Set with the first row that is asked for, before its lock (the comparison with
-- the order's id is always true, and keeps it from being set where nothing is), and until the end of the statement.
patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', '100ms', true) AS milliseconds
),
asked AS MATERIALIZED (
    SELECT * FROM unnest($70::text[], $71::text[], $72::text[], $73::text[], $74::text[], $75::int[], $76::int[])
        AS g (order_id, key, line_id, sku, place, quantity, number)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE AND (SELECT milliseconds FROM patience) <> order_id
),
locked AS MATERIALIZED (
    -- In order of place and SKU, as all who lock stock do; after the leases and orders, which they never lock.
    SELECT s.place, s.sku FROM stock s WHERE (s.place, s.sku) IN (SELECT place, sku FROM asked)
    ORDER BY s.place, s.sku FOR UPDATE
),
refused AS (
    -- What is counted at another place and neither counted nor declared untracked at this one is not there: the check of `stock` fails
    -- the statement. What a fulfilment holds of it from before stays.
    INSERT INTO stock (place, sku, on_hand, reserved)
    SELECT DISTINCT g.place, g.sku, 0, 1 FROM asked g
    WHERE ((g.place, g.sku) IN (SELECT place, sku FROM locked)) IS NOT TRUE
        AND EXISTS (SELECT FROM stock s WHERE s.sku = g.sku)
        AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', g.place) AND t.sku IN ('*', g.sku))
        AND NOT EXISTS (
            SELECT FROM reservations r
            WHERE r.order_id = g.order_id AND r.key = g.key AND r.line_id = g.line_id AND r.sku = g.sku AND r.place = g.place
                AND r.quantity > 0 AND NOT r.tracked
        )
),
reserved AS (
    INSERT INTO reservations AS r (
        order_id, key, line_id, sku, place, quantity, change, number, tracked, reserved_at, changed_at
    )
    SELECT
        g.order_id, g.key, g.line_id, g.sku, g.place, g.quantity, g.quantity, g.number,
        ((g.place, g.sku) IN (SELECT place, sku FROM locked)) IS TRUE, now(), now()
    FROM asked g
    ON CONFLICT (order_id, key, line_id, sku, place) DO UPDATE SET
        quantity = greatest(r.quantity, excluded.quantity), change = greatest(excluded.quantity - r.quantity, 0),
        number = excluded.number, changed_at = now(),
        tracked = CASE WHEN r.quantity = 0 THEN excluded.tracked ELSE r.tracked END
        WHERE r.number < excluded.number
    RETURNING r.place, r.sku, r.change, r.tracked
),
promised AS (
    UPDATE stock s SET reserved = s.reserved + m.change
    FROM (SELECT place, sku, sum(change) AS change FROM reserved WHERE tracked GROUP BY place, sku) m
    WHERE s.place = m.place AND s.sku = m.sku
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

-- name: claimed
-- Goes into `append` where something is said of a claim. What another order has fails the whole statement by a check, because no
-- order has the id '': unless that order is cancelled, and a person takes the claim over. No two rows are about the same claim.
-- Copies are kept in the claim's own row: whoever ends it and whoever becomes one wait for each other there, and the later one sees
-- what the earlier one wrote, whatever its snapshot holds. So either of them sets the copy's timer.
said AS MATERIALIZED (
    SELECT * FROM unnest(
        $79::text[], $80::text[], $81::text[], $82::bool[], $83::bool[], $84::bool[], $85::int[], $86::float8[]
    ) AS g (claim, order_id, person, wants, is_copy, ended, partition, at)
    WHERE (order_id IN (SELECT order_id FROM won)) IS TRUE
),
named AS MATERIALIZED (
    SELECT claim FROM claims WHERE claim IN (SELECT claim FROM said) ORDER BY claim FOR UPDATE
),
claimed AS (
    INSERT INTO claims AS c (claim, order_id, person, at, ended)
    SELECT claim, order_id, person, now(), ended FROM said
    WHERE wants AND (SELECT count(*) FROM named) >= 0
    ORDER BY claim
    ON CONFLICT (claim) DO UPDATE SET
        order_id = CASE
            WHEN c.order_id = excluded.order_id THEN c.order_id
            WHEN excluded.person <> '' AND EXISTS (
                SELECT FROM orders o WHERE o.order_id = c.order_id AND o.stage = 'cancelled'
            ) THEN excluded.order_id
            ELSE ''
        END,
        person = CASE WHEN excluded.person <> '' THEN excluded.person ELSE c.person END,
        at = CASE WHEN excluded.person <> '' THEN excluded.at ELSE c.at END,
        ended = excluded.ended
    RETURNING claim, order_id, ended, copies, copy_partitions
),
told AS (
    UPDATE claims c SET
        ended = CASE WHEN s.is_copy THEN c.ended ELSE s.ended END,
        copies = CASE WHEN s.is_copy AND s.order_id <> ALL (c.copies) AND cardinality(c.copies) < $87::int
            THEN c.copies || s.order_id ELSE c.copies END,
        copy_partitions = CASE WHEN s.is_copy AND s.order_id <> ALL (c.copies) AND cardinality(c.copies) < $87::int
            THEN c.copy_partitions || s.partition ELSE c.copy_partitions END
    FROM said s JOIN named n ON n.claim = s.claim
    WHERE NOT s.wants AND c.claim = s.claim AND (s.is_copy OR c.order_id = s.order_id)
    RETURNING c.claim, s.order_id, s.partition, s.is_copy, c.ended, c.copies, c.copy_partitions
),
woken AS (
    INSERT INTO timers (order_id, key, name, partition, due_at)
    SELECT DISTINCT ON (order_id, name) w.order_id, 'O', w.name, w.partition, to_timestamp(s.at)
    FROM (
        SELECT t.claim, u.order_id, 'twin' AS name, u.partition
        FROM (
            SELECT claim, order_id, copies, copy_partitions FROM told WHERE ended AND NOT is_copy
            UNION ALL
            SELECT claim, order_id, copies, copy_partitions FROM claimed WHERE ended
        ) t CROSS JOIN unnest(t.copies, t.copy_partitions) AS u (order_id, partition)
        WHERE u.order_id <> t.order_id
        UNION ALL
        SELECT claim, order_id, CASE WHEN ended THEN 'twin' ELSE 'crowded' END, partition
        FROM told WHERE is_copy AND (ended OR order_id <> ALL (copies))
    ) w JOIN said s ON s.claim = w.claim
    ON CONFLICT (order_id, key, name) DO UPDATE SET due_at = excluded.due_at, error = ''
)

-- name: owners
-- Which order has each claim. An order whose first append claims has its row by then.
SELECT c.claim, c.order_id, o.channel, o.ref, o.number, o.stage
FROM claims c JOIN orders o ON o.order_id = c.order_id WHERE c.claim = ANY ($1::text[]);

-- name: known_inputs
SELECT DISTINCT b.order_id
FROM unnest($1::text[], $2::text[]) AS n (order_id, input_id)
JOIN inbox b ON b.order_id = n.order_id AND b.input_id = n.input_id;

-- name: load
-- The latest 500 input ids are enough to drop nearly every repeat early; the inbox drops the rest at append. `LATERAL … LIMIT 1`
-- instead of a join: so each body is looked up by its key, whatever the planner guesses about the size of the tables.
SELECT
    o.order_id, o.reference, o.partition, o.channel, o.ref, o.progress, o.progress_since, o.version, o.state,
    b.body, b.master, b.wrapped, s.body AS stated, s.master AS stated_master, s.wrapped AS stated_wrapped, ARRAY(
        SELECT i.input_id FROM inbox i WHERE i.order_id = o.order_id ORDER BY i.at DESC, i.version DESC LIMIT 500
    ) AS seen
FROM orders o
LEFT JOIN LATERAL (
    SELECT b.body, k.master, k.wrapped FROM order_bodies b LEFT JOIN body_keys k ON k.order_id = b.order_id AND k.name = b.name
    WHERE b.order_id = o.order_id AND b.name = '' LIMIT 1
) b ON true
LEFT JOIN LATERAL (
    SELECT b.body, k.master, k.wrapped FROM order_bodies b LEFT JOIN body_keys k ON k.order_id = b.order_id AND k.name = b.name
    WHERE b.order_id = o.order_id AND b.name = 'stated' LIMIT 1
) s ON true
WHERE o.order_id = ANY($1::text[]);

-- name: history
SELECT version, body FROM events WHERE order_id = $1 AND version > $2 AND version <= $3 ORDER BY version LIMIT $4;

-- name: documents
SELECT d.name, d.key, d.content_type, d.content, k.master, k.wrapped, b.order_id IS NOT NULL AND b.wrapped IS NULL AS erased
FROM documents d
LEFT JOIN body_keys k ON k.order_id = d.order_id AND k.name = d.name
LEFT JOIN body_keys b ON b.order_id = d.order_id AND b.name = ''
WHERE d.order_id = $1 AND ($3::text IS NULL OR d.name = $3) ORDER BY d.name LIMIT $2;

-- name: open_effects
-- The channels take turns, and of each comes first what is due first. Each channel's oldest are read from the index, which is
-- also how the channels are found: one step for each, however many effects it has.
WITH RECURSIVE channels AS (
    (SELECT channel FROM effects WHERE status IN ('open', 'sought') AND lane = $1 ORDER BY channel LIMIT 1)
    UNION ALL
    SELECT (
        SELECT f.channel FROM effects f WHERE f.status IN ('open', 'sought') AND f.lane = $1 AND f.channel > c.channel
        ORDER BY f.channel LIMIT 1
    )
    FROM channels c WHERE c.channel IS NOT NULL
),
due AS (
    SELECT f.*, row_number() OVER (PARTITION BY c.channel ORDER BY f.due_at, f.order_id, f.number) AS turn
    FROM channels c CROSS JOIN LATERAL (
        SELECT * FROM effects
        WHERE status IN ('open', 'sought') AND lane = $1 AND channel = c.channel AND due_at <= $2 AND partition = ANY ($3::int[])
            AND (status = 'open' OR settled_at <= $2 - make_interval(secs => $7::float8))
            AND (order_id, number) NOT IN (SELECT * FROM unnest($5::text[], $6::int[]))
        ORDER BY due_at, order_id, number LIMIT $4
    ) f
)
SELECT
    e.order_id, e.number, e.key, e.lane, o.channel, o.ref, e.partition, o.reference, e.body AS effect, e.attempts, e.due_at,
    e.written_by, b.body, e.trace, CASE WHEN e.status = 'sought' THEN e.settled_at END AS sought_since, e.declined,
    b.master, b.wrapped
FROM (SELECT * FROM due ORDER BY turn, due_at, order_id, number LIMIT $4) e
JOIN orders o ON o.order_id = e.order_id
LEFT JOIN LATERAL (
    SELECT b.body, k.master, k.wrapped FROM order_bodies b LEFT JOIN body_keys k ON k.order_id = b.order_id AND k.name = b.name
    WHERE b.order_id = e.order_id AND b.name = '' LIMIT 1
) b ON true
ORDER BY e.turn, e.due_at, e.order_id, e.number;

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
    SELECT * FROM unnest($3::text[], $4::int[], $5::int[], $6::float8[], $7::text[], $8::boolean[],
        $9::boolean[])
    WITH ORDINALITY AS n (order_id, number, attempts, due_at, error, is_over, declined, place)
),
noted AS (
    UPDATE effects f SET attempts = n.attempts, due_at = to_timestamp(n.due_at), error = n.error, declined = n.declined,
        status = CASE WHEN n.is_over AND f.status = 'sought' THEN 'person' ELSE f.status END
    FROM given n
    WHERE f.order_id = n.order_id AND f.number = n.number AND f.status IN ('open', 'sought')
        AND (f.partition IN (SELECT partition FROM held)) IS TRUE
)
SELECT (n.place - 1)::int AS place, f.partition
FROM given n JOIN effects f ON f.order_id = n.order_id AND f.number = n.number
WHERE (f.partition IN (SELECT partition FROM held)) IS NOT TRUE;

-- name: effect_counts
SELECT lane, count(*) FILTER (WHERE status = 'open') AS open,
    coalesce(extract(epoch FROM now() - min(at) FILTER (WHERE status = 'open')), 0)::float8 AS oldest_seconds
FROM effects WHERE status IN ('open', 'sought') AND partition = ANY ($1::int[]) GROUP BY lane;

-- name: due_timers
SELECT order_id, key, name, due_at FROM timers
WHERE error = '' AND due_at <= $1 AND partition = ANY ($2::int[])
    AND (order_id, key, name) NOT IN (SELECT * FROM unnest($4::text[], $5::text[], $6::text[]))
ORDER BY due_at, order_id, key, name LIMIT $3;

-- name: overdue_timers
-- Bounded, because it is asked every few seconds, also after a day in which nothing fired.
SELECT count(*)::int AS timers FROM (
    SELECT FROM timers WHERE error = '' AND due_at <= $1 AND partition = ANY ($2::int[]) LIMIT 10000
) AS overdue;

-- name: suspend_timer
-- Only the one that fired: it may have been set again meanwhile.
WITH marked AS (
    UPDATE timers SET error = $5 WHERE order_id = $1 AND key = $2 AND name = $3 AND due_at = $4 RETURNING order_id
)
UPDATE orders o SET suspended = $6 FROM marked m WHERE o.order_id = m.order_id;

-- name: suspend_effect
-- Fenced like a note. Returns the partition when another process holds it.
WITH
held AS MATERIALIZED (
    SELECT l.partition
    FROM leases l JOIN unnest($1::int[], $2::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
),
marked AS (
    UPDATE effects SET status = 'suspended', error = $5, attempts = greatest(attempts, 1)
    WHERE order_id = $3 AND number = $4 AND status = 'open' AND (partition IN (SELECT partition FROM held)) IS TRUE
    RETURNING order_id
),
told AS (
    UPDATE orders o SET suspended = $6 FROM marked m WHERE o.order_id = m.order_id
)
SELECT partition FROM effects
WHERE order_id = $3 AND number = $4 AND (partition IN (SELECT partition FROM held)) IS NOT TRUE;

-- name: resume
WITH
orders_of AS (
    UPDATE orders SET suspended = '' WHERE suspended <> '' AND partition = ANY ($1::int[])
),
timers_of AS (
    UPDATE timers SET error = '' WHERE error <> '' AND partition = ANY ($1::int[]) RETURNING order_id
),
effects_of AS (
    UPDATE effects SET status = 'open', due_at = now(), error = ''
    WHERE status = 'suspended' AND partition = ANY ($1::int[]) RETURNING order_id
)
SELECT ((SELECT count(*) FROM timers_of) + (SELECT count(*) FROM effects_of))::int AS resumed;

-- name: take_leases
-- All of those asked for or none: nothing is taken while somebody else's lease on one of them runs. The same owner takes its own
-- over at once, with a new epoch.
INSERT INTO leases (partition, owner, epoch, expires_at)
SELECT p, $1::text, 1, now() + make_interval(secs => $2::float8)
FROM unnest($3::int[]) AS p
WHERE NOT EXISTS (
    SELECT FROM leases WHERE partition = ANY ($3::int[]) AND owner <> $1::text AND expires_at > now()
)
ORDER BY p
ON CONFLICT (partition) DO UPDATE
    SET owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
    WHERE leases.owner = excluded.owner OR leases.expires_at <= now()
RETURNING partition, epoch;

-- name: lease_holder
SELECT owner, extract(epoch FROM max(expires_at) - now())::float8 AS left_seconds
FROM leases WHERE owner <> $1 AND partition = ANY ($2::int[]) AND expires_at > now() GROUP BY owner ORDER BY owner LIMIT 1;

-- name: renew_leases
WITH mine AS MATERIALIZED (
    SELECT l.partition
    FROM leases l JOIN unnest($2::int[], $3::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
    ORDER BY l.partition FOR UPDATE OF l
)
UPDATE leases l SET expires_at = now() + make_interval(secs => $1::float8)
FROM mine m WHERE l.partition = m.partition
RETURNING l.partition;

-- name: beat
-- A member lives, keeps its leases, and sees the others. `free` are partitions of which no one else's lease runs. Locked in order of
-- partition, as appends do, so that the two can't deadlock.
WITH
me AS (
    INSERT INTO members AS m (owner, expires_at) VALUES ($1::text, now() + make_interval(secs => $2::float8))
    ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at
),
gone AS (
    DELETE FROM members WHERE expires_at < now() - interval '1 hour' AND owner <> $1::text
),
mine AS MATERIALIZED (
    SELECT l.partition
    FROM leases l JOIN unnest($3::int[], $4::bigint[]) AS h (partition, epoch) ON l.partition = h.partition AND l.epoch = h.epoch
    ORDER BY l.partition FOR UPDATE OF l
),
renewed AS (
    UPDATE leases l SET expires_at = now() + make_interval(secs => $2::float8)
    FROM mine m WHERE l.partition = m.partition
    RETURNING l.partition
),
others AS MATERIALIZED (
    SELECT m.owner, (
        SELECT count(*)::int FROM leases l WHERE l.owner = m.owner AND l.partition >= 0 AND l.expires_at > now()
    ) AS held
    FROM members m WHERE m.owner <> $1::text AND m.expires_at > now()
)
SELECT
    ARRAY(SELECT partition FROM renewed) AS kept,
    ARRAY(SELECT owner FROM others ORDER BY owner) AS owners,
    ARRAY(SELECT held FROM others ORDER BY owner) AS held,
    ARRAY(
        SELECT p FROM generate_series(0, $5::int - 1) AS p
        WHERE NOT EXISTS (SELECT FROM leases l WHERE l.partition = p AND l.owner <> $1::text AND l.expires_at > now())
    ) AS free,
    extract(epoch FROM now())::float8 AS at;

-- name: take_free_leases
-- Those of the ones asked for that no one else holds.
INSERT INTO leases (partition, owner, epoch, expires_at)
SELECT p, $1::text, 1, now() + make_interval(secs => $2::float8) FROM unnest($3::int[]) AS p ORDER BY p
ON CONFLICT (partition) DO UPDATE
    SET owner = excluded.owner, epoch = leases.epoch + 1, expires_at = excluded.expires_at
    WHERE leases.owner = excluded.owner OR leases.expires_at <= now()
RETURNING partition, epoch;

-- name: leave_members
DELETE FROM members WHERE owner = $1;

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

-- name: replay_appends
-- How many inputs each append of an order took, by the version after it. What came later and changed nothing has the same version.
SELECT i.version, count(*)::int AS inputs FROM inbox i WHERE i.order_id = $1
    AND i.at = (SELECT min(j.at) FROM inbox j WHERE j.order_id = i.order_id AND j.version = i.version)
GROUP BY i.version;

-- name: replay_bodies
SELECT b.name, b.body, k.master, k.wrapped FROM order_bodies b
LEFT JOIN body_keys k ON k.order_id = b.order_id AND k.name = b.name WHERE b.order_id = $1 AND b.name IN ('', 'stated');

-- name: replay_version
-- The version that an order had at a moment.
SELECT coalesce(max(version), 0)::int AS version FROM events WHERE order_id = $1 AND at <= $2;

-- name: replay_until
-- One order's events up to a version, and to a moment (null: to the last).
SELECT version, at, body FROM events
WHERE order_id = $1 AND version <= coalesce($2::int, 2147483647) AND at <= coalesce($3::timestamptz, 'infinity') ORDER BY version;
