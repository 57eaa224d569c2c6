-- Every statement of reconciliation. `-- name: x` begins one.

-- name: run_columns
r.id, r.channels, r.since, r.until, r.person, r.reason, r.state, r.steps, r.step, r.cursor, r.matched, r.absent, r.tries, r.fault,
r.entries, r.created_at, r.ended_at

-- name: difference_columns
d.id, d.channel, d.order_id, d.ref, d.number, d.placed_at, d.type, d.cause, d.sides, d.currency, d.expected_minor, d.found_minor,
d.expected, d.found, d.about, d.state, d.first_run, d.last_run, d.first_seen_at, d.last_seen_at, d.decided_by, d.decided_why, d.decided_at

-- name: begin
INSERT INTO recon_runs (request, channels, since, until, person, reason, steps, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id;

-- name: earlier
-- The run that a repeated request began.
SELECT id FROM recon_runs WHERE request = $1 AND created_at > $2 ORDER BY id LIMIT 1;

-- name: audit
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb);

-- name: one
SELECT {run_columns} FROM recon_runs r WHERE r.id = $1;

-- name: runs
-- $1: the channels that may be seen (null: all).
SELECT {run_columns} FROM recon_runs r WHERE ($1::text[] IS NULL OR r.channels <@ $1) AND r.id < $2 ORDER BY r.id DESC LIMIT $3;

-- name: totals
SELECT channel, currency, orders, gross_minor::bigint AS gross_minor, differences, off_minor::bigint AS off_minor
FROM recon_totals WHERE run_id = $1 ORDER BY channel, currency;

-- name: counts
SELECT channel, type, cause, count(*) AS count FROM recon_differences
WHERE last_run = $1 AND state <> 'accepted' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: cells
-- The differences of a run by root cause, each channel's and currency's apart: those that count, by how much they are off together, and
-- those that are accepted.
SELECT channel, currency, type, cause, count(*) FILTER (WHERE state <> 'accepted')::bigint AS count,
    count(*) FILTER (WHERE state = 'accepted')::bigint AS accepted,
    coalesce(sum(abs(found_minor - expected_minor)) FILTER (WHERE state <> 'accepted'), 0)::bigint AS off_minor
FROM recon_differences WHERE last_run = $1 AND ($2::text[] IS NULL OR channel = ANY ($2)) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- name: under_way
SELECT {run_columns} FROM recon_runs r WHERE r.ended_at IS NULL ORDER BY r.id LIMIT 1;

-- name: newest
SELECT max(created_at) AS at FROM recon_runs WHERE person = $1;

-- name: waiting
SELECT count(*) AS waiting FROM recon_runs WHERE ended_at IS NULL;

-- name: step
-- Goes on by one page, once: whoever reads the same page at the same time finds that it is read.
UPDATE recon_runs SET step = $4, cursor = $5, tries = 0, fault = '', entries = entries + $6, absent = absent || $7::jsonb,
    state = CASE WHEN $4 >= cardinality(steps) THEN 'matching' ELSE state END
WHERE id = $1 AND step = $2 AND cursor = $3 AND state = 'reading' RETURNING id;

-- name: enter
INSERT INTO recon_entries (run_id, key, channel, body)
SELECT $1, n.key, n.channel, n.body FROM unnest($2::text[], $3::text[], $4::bytea[]) AS n (key, channel, body);

-- name: failed
-- A page that could not be read; after the last try the run has failed.
UPDATE recon_runs SET tries = tries + 1, fault = $2, state = CASE WHEN tries + 1 >= $3 THEN 'failed' ELSE state END,
    ended_at = CASE WHEN tries + 1 >= $3 THEN $4::timestamptz END
WHERE id = $1 AND ended_at IS NULL;

-- name: stop
UPDATE recon_runs SET state = 'stopped', ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id;

-- name: keys
SELECT DISTINCT key FROM recon_entries WHERE run_id = $1 AND key > $2 ORDER BY key LIMIT $3;

-- name: entries
SELECT key, channel, body FROM recon_entries WHERE run_id = $1 AND key = ANY ($2::text[]) ORDER BY key, place;

-- name: matched
UPDATE recon_runs SET matched = $3, tries = 0, fault = '' WHERE id = $1 AND matched = $2 AND state = 'matching' RETURNING id;

-- name: add_totals
INSERT INTO recon_totals (run_id, channel, currency, orders, gross_minor)
SELECT $1, n.channel, n.currency, n.orders, n.gross_minor
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS n (channel, currency, orders, gross_minor)
ON CONFLICT (run_id, channel, currency) DO UPDATE
SET orders = recon_totals.orders + excluded.orders, gross_minor = recon_totals.gross_minor + excluded.gross_minor;

-- name: found
-- What was settled and is found again is open again; what was accepted stays so, unless it comes to something else now.
INSERT INTO recon_differences AS d (identity, channel, order_id, ref, number, placed_at, type, cause, sides, currency, expected_minor,
    found_minor, expected, found, about, first_run, last_run, first_seen_at, last_seen_at)
SELECT n.*, $1, $1, $2, $2 FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::text[], $16::text[], $17::text[])
    AS n (identity, channel, order_id, ref, number, placed_at, type, cause, sides, currency, expected_minor, found_minor, expected, found,
    about)
ON CONFLICT (identity) DO UPDATE SET last_run = excluded.last_run, last_seen_at = excluded.last_seen_at,
    expected_minor = excluded.expected_minor, found_minor = excluded.found_minor, expected = excluded.expected, found = excluded.found,
    state = CASE WHEN d.state = 'accepted' AND (d.expected_minor, d.found_minor, d.expected, d.found)
        = (excluded.expected_minor, excluded.found_minor, excluded.expected, excluded.found) THEN d.state ELSE 'open' END,
    decided_by = CASE WHEN d.state = 'resolved' THEN '' ELSE d.decided_by END,
    decided_why = CASE WHEN d.state = 'resolved' THEN '' ELSE d.decided_why END,
    decided_at = CASE WHEN d.state <> 'resolved' THEN d.decided_at END;

-- name: still
-- What is open of orders that this run did not compare between these sides: it is not known to be resolved.
UPDATE recon_differences d SET last_run = $1 FROM unnest($2::text[], $3::text[]) AS n (order_id, sides)
WHERE d.order_id = n.order_id AND d.sides = n.sides AND d.state IN ('open', 'corrected') AND d.last_run < $1;

-- name: changed
SELECT order_id FROM orders WHERE order_id = ANY ($1::text[]) AND updated_at >= $2;

-- name: resolve
-- What this run, which read these sides of these channels, did not find again.
UPDATE recon_differences d SET state = 'resolved', decided_by = 'reconciliation', decided_why = 'run ' || $1::bigint || ' did not find it',
    decided_at = $2
WHERE d.state IN ('open', 'corrected') AND d.last_run < $1 AND d.channel || ' ' || d.sides = ANY ($3::text[]) AND d.placed_at >= $4
    AND d.placed_at < $5;

-- name: off
UPDATE recon_totals t SET differences = o.differences, off_minor = o.off_minor FROM (
    SELECT channel, currency, count(*) AS differences, sum(abs(found_minor - expected_minor)) AS off_minor
    FROM recon_differences WHERE last_run = $1 AND state <> 'accepted' GROUP BY 1, 2
) o WHERE t.run_id = $1 AND t.channel = o.channel AND t.currency = o.currency;

-- name: end
UPDATE recon_runs SET state = 'ended', ended_at = $2 WHERE id = $1 AND state = 'matching' RETURNING id;

-- name: differences
SELECT {difference_columns} FROM recon_differences d
WHERE ($1::text[] IS NULL OR d.channel = ANY ($1)) AND ($2 = '' OR d.state = $2) AND ($3 = '' OR d.type = $3) AND ($4 = '' OR d.cause = $4)
    AND ($5::bigint IS NULL OR d.last_run = $5) AND ($6 = '' OR d.order_id = $6) AND d.id < $7
ORDER BY d.id DESC LIMIT $8;

-- name: difference
SELECT {difference_columns} FROM recon_differences d WHERE d.id = $1;

-- name: decide
UPDATE recon_differences SET state = $2, decided_by = $3, decided_why = $4, decided_at = $5
WHERE id = $1 AND state IN ('open', 'corrected', 'accepted') AND state <> $2 RETURNING id;

-- name: orders_by_ref
SELECT ref, order_id FROM orders WHERE channel = $1 AND ref = ANY ($2::text[]) AND stage <> 'expected';

-- name: orders_by_number
SELECT o.channel, o.number, o.order_id FROM unnest($1::text[], $2::text[]) AS n (channel, number)
JOIN orders o ON o.number = n.number AND o.channel = n.channel AND o.stage <> 'expected';

-- name: orders_by_id
SELECT order_id FROM orders WHERE order_id = ANY ($1::text[]);

-- name: journal
-- Orders of a channel that were placed within the window, by time and id.
SELECT o.order_id, o.channel, o.placed_at, o.state, b.body, k.master, k.wrapped,
    s.body AS stated, l.master AS stated_master, l.wrapped AS stated_wrapped
FROM (
    SELECT order_id, channel, placed_at, state FROM orders
    WHERE channel = $1 AND placed_at >= $2 AND placed_at < $3 AND (placed_at, order_id) > ($4, $5) AND stage <> 'expected'
    ORDER BY placed_at, order_id LIMIT $6
) o
LEFT JOIN order_bodies b ON b.order_id = o.order_id AND b.name = ''
LEFT JOIN body_keys k ON k.order_id = o.order_id AND k.name = ''
LEFT JOIN order_bodies s ON s.order_id = o.order_id AND s.name = 'stated'
LEFT JOIN body_keys l ON l.order_id = o.order_id AND l.name = 'stated'
ORDER BY o.placed_at, o.order_id;

-- name: prune_entries
DELETE FROM recon_entries WHERE (run_id, key, place) IN (
    SELECT e.run_id, e.key, e.place FROM recon_entries e JOIN recon_runs r ON r.id = e.run_id WHERE r.ended_at IS NOT NULL LIMIT 5000
) RETURNING 1;

-- name: prune_differences
DELETE FROM recon_differences WHERE id IN (
    SELECT id FROM recon_differences WHERE state IN ('accepted', 'resolved') AND last_seen_at < $1 ORDER BY id LIMIT 5000
) RETURNING 1;

-- name: prune_runs
WITH old AS (SELECT id FROM recon_runs WHERE ended_at < $1 ORDER BY id LIMIT 1000),
gone AS (DELETE FROM recon_totals WHERE run_id IN (SELECT id FROM old))
DELETE FROM recon_runs WHERE id IN (SELECT id FROM old) AND NOT EXISTS (SELECT FROM recon_entries e WHERE e.run_id = recon_runs.id)
RETURNING 1;
