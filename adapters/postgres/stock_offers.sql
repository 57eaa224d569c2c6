-- Every statement of what channels are told of the stock. `-- name: x` begins one.

-- name: due
-- What a channel was not told yet, or not for long. Only what is counted: what no one counts is never told.
SELECT s.place, s.sku, greatest(0, s.on_hand - s.safety - s.reserved - $3::bigint) AS units
FROM stock s LEFT JOIN stock_offered o ON o.channel = $1 AND o.place = s.place AND o.sku = s.sku
WHERE s.place = ANY ($2::text[]) AND (s.place, s.sku) > ($4, $5)
    AND (o.units IS DISTINCT FROM greatest(0, s.on_hand - s.safety - s.reserved - $3::bigint) OR o.at < $6)
ORDER BY s.place, s.sku LIMIT $7;

-- name: heard
INSERT INTO stock_offered (channel, place, sku, units, at, outcome, why)
SELECT $1, g.place, g.sku, g.units, $2, g.outcome, g.why
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[]) AS g (place, sku, units, outcome, why)
ON CONFLICT (channel, place, sku) DO UPDATE SET
    units = excluded.units, at = excluded.at, outcome = excluded.outcome, why = excluded.why;

-- name: page
SELECT channel, place, sku, units, at, outcome, why FROM stock_offered
WHERE (channel, place, sku) > ($1, $2, $3) AND (NOT $4::bool OR outcome IN ('unknown', 'refused'))
ORDER BY channel, place, sku LIMIT $5;
