-- Every statement of the stock's ledger. `-- name: x` begins one.

-- name: one_at_a_time
-- Those who change what lies at places wait for each other; orders reserve meanwhile.
SELECT pg_advisory_xact_lock(7599102231);

-- name: lock
-- In order of place and SKU, as all who lock stock do; a statement after it sees what the last holder did.
SELECT count(*) FROM (
    SELECT FROM stock WHERE (place, sku) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY place, sku FOR UPDATE
) locked;

-- name: put
-- Sets what lies at places, after `one_at_a_time` and `lock`. A figure is a count of the moment $6, to which is added what moved
-- since (of a partner's, $10, what left alone: what came may be in it), or a change ($7). A count of an earlier moment than the last one
-- changes nothing. What is reserved stays: units that are
-- promised and not there any more are `missing`. Returns what became of each.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS g (place, sku, figure, safety)
),
wanted AS MATERIALIZED (
    SELECT
        g.place, g.sku, coalesce(g.safety, s.safety, 0) AS safety, coalesce(s.on_hand, 0) AS before, coalesce(s.reserved, 0) AS reserved,
        s.place IS NULL AS is_new, coalesce(s.counted_at, '-infinity') AS counted_at,
        CASE
            WHEN $7::bool THEN coalesce(s.on_hand, 0) + g.figure
            ELSE greatest(0, g.figure + coalesce((
                SELECT sum(m.on_hand) FROM stock_movements m
                WHERE m.place = g.place AND m.sku = g.sku AND m.at > $6 AND s.place IS NOT NULL AND (m.on_hand < 0 OR NOT $10::bool)
            ), 0))
        END AS on_hand
    FROM given g LEFT JOIN stock s ON s.place = g.place AND s.sku = g.sku
    WHERE $7 OR s.place IS NULL OR s.counted_at <= $6
),
stored AS (
    INSERT INTO stock AS s (place, sku, on_hand, safety, counted_at)
    SELECT place, sku, greatest(0, on_hand), safety, CASE WHEN $7 THEN counted_at ELSE $6 END FROM wanted
    ON CONFLICT (place, sku) DO UPDATE SET
        on_hand = excluded.on_hand, safety = excluded.safety, counted_at = excluded.counted_at,
        missing = CASE WHEN s.reserved = 0 THEN 0 ELSE greatest(0, s.reserved + excluded.safety - excluded.on_hand) END
),
told AS (
    INSERT INTO stock_movements (at, kind, place, sku, on_hand, reserved, person, reason)
    SELECT $6, $5, place, sku, on_hand - before, 0, $8, $9 FROM wanted WHERE on_hand <> before
)
SELECT place, sku, before, on_hand, safety, reserved FROM wanted;

-- name: audit
INSERT INTO audit (at, person, action, target, channel, reason, before, after)
VALUES ($1, $2, $3, $4, '', $5, '{}', $6::jsonb);

-- name: page
-- Balances by SKU and place; $3 narrows them to what a person looks for.
SELECT place, sku, on_hand, safety, reserved, missing, nullif(counted_at, '-infinity') AS counted_at FROM stock
WHERE (sku, place) > ($1, $2) AND ($3 = '' OR place = $3) AND (NOT $4::bool OR missing > 0)
    AND (NOT $5::bool OR on_hand - safety - reserved <= 0)
ORDER BY sku, place LIMIT $6;

-- name: balances
SELECT place, sku, on_hand, safety, reserved, missing, nullif(counted_at, '-infinity') AS counted_at FROM stock
WHERE sku = $1 AND ($2 = '' OR place = $2) ORDER BY place LIMIT $3;

-- name: movements
SELECT m.position, m.at, m.kind, m.place, m.sku, m.on_hand, m.reserved, m.order_id, m.key, m.person, m.reason
FROM stock_movements m WHERE m.sku = $1 AND m.place = ANY ($2::text[]) ORDER BY m.at DESC, m.position DESC LIMIT $3;

-- name: promised
-- Who holds units of a SKU at a place, by the index of open orders; the oldest first, whose promise is kept longest.
SELECT o.number, o.channel, r.order_id, r.key, sum(r.quantity)::bigint AS units, o.placed_at
FROM orders o JOIN reservations r USING (order_id)
WHERE NOT o.final AND r.place = $1 AND r.sku = $2 AND r.tracked AND r.quantity > 0
GROUP BY o.number, o.channel, r.order_id, r.key, o.placed_at
ORDER BY o.placed_at, r.order_id, r.key LIMIT $3;

-- name: untracked
SELECT place, sku, at, person, reason FROM stock_untracked ORDER BY place, sku LIMIT $1;

-- name: uncounted
-- What left and is neither counted nor declared not to be.
SELECT u.place, u.sku, u.units, u.last_at FROM stock_uncounted u
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.place = u.place AND s.sku = u.sku)
    AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', u.place) AND t.sku IN ('*', u.sku))
ORDER BY u.last_at DESC, u.place, u.sku LIMIT $1;

-- name: declare
INSERT INTO stock_untracked (place, sku, at, person, reason) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (place, sku) DO UPDATE SET at = excluded.at, person = excluded.person, reason = excluded.reason;

-- name: try_declared
-- Whoever waits for stock that is declared not to be counted is tried now.
UPDATE timers t SET due_at = $2 FROM stock_waiting w
WHERE ($1 = '*' OR w.sku = $1) AND t.order_id = w.order_id AND t.key = w.key AND t.name = 'stock' AND t.error = '' AND t.due_at > $2;

-- name: counted_there
SELECT place, sku FROM stock WHERE ($1 = '*' OR place = $1) AND ($2 = '*' OR sku = $2) ORDER BY place, sku LIMIT 1;

-- name: summary
SELECT
    (SELECT count(*) FROM stock) AS balances, (SELECT count(*) FROM stock WHERE missing > 0) AS missing,
    (SELECT count(*) FROM stock_untracked) AS untracked;

-- name: verify
-- Balances that differ from the sum of their movements; one moment of the database, so that orders may go on meanwhile.
WITH moved AS (
    SELECT place, sku, sum(on_hand) AS on_hand, sum(reserved) AS reserved FROM stock_movements GROUP BY place, sku
),
taken AS (
    SELECT place, sku, sum(gone + CASE WHEN tracked THEN quantity ELSE 0 END) AS units FROM reservations
    WHERE tracked OR gone > 0 GROUP BY place, sku
)
SELECT
    place, sku, s.on_hand, coalesce(m.on_hand, 0)::bigint AS moved, s.reserved,
    (coalesce(t.units, 0) + coalesce(m.reserved, 0))::bigint AS promised, count(*) OVER () AS faults
FROM stock s FULL JOIN moved m USING (place, sku) FULL JOIN taken t USING (place, sku)
WHERE s.on_hand IS DISTINCT FROM coalesce(m.on_hand, 0)
    OR s.reserved IS DISTINCT FROM coalesce(t.units, 0) + coalesce(m.reserved, 0)
    OR NOT (s.reserved <= s.on_hand - s.safety + s.missing OR s.reserved = 0)
ORDER BY place, sku LIMIT $1;

-- name: counts
SELECT (SELECT count(*) FROM stock) AS balances, (SELECT count(*) FROM stock_movements) AS movements,
    (SELECT count(*) FROM reservations) AS reservations;
