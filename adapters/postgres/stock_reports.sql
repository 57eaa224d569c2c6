-- Every statement of reports of the stock. `-- name: x` begins one.

-- name: due
SELECT 1 FROM stock_reports WHERE place = $1 AND partner = $2 AND at > $3;

-- name: keep
INSERT INTO stock_reports (place, partner, at, figures, changed, stale, missing, fault)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (place) DO UPDATE SET
    partner = excluded.partner, at = excluded.at, figures = excluded.figures, changed = excluded.changed, stale = excluded.stale,
    missing = excluded.missing, fault = excluded.fault;

-- name: all
SELECT place, partner, at, figures, changed, stale, missing, fault FROM stock_reports ORDER BY place LIMIT 200;

-- name: spelled
-- SKUs of a place that are not written in capitals alone: few, and none in most installations.
SELECT sku FROM stock WHERE place = $1 AND sku <> upper(sku) LIMIT $2;

-- name: unknown
-- SKUs of a report that are counted at no place, never left uncounted and are not declared either: nothing here has ever named them.
SELECT g.sku FROM unnest($1::text[]) WITH ORDINALITY AS g (sku, at)
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.sku = g.sku) AND NOT EXISTS (SELECT FROM stock_uncounted u WHERE u.sku = g.sku)
    AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.sku = g.sku)
ORDER BY g.at LIMIT $2;
