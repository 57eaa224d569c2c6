-- A SKU that is counted at some place has no units where it is not counted, unless it is declared untracked there. Whether it is counted
-- anywhere is asked of what has no balance at its place.
CREATE INDEX stock_sku ON stock (sku);

-- What left a place uncounted although it is counted at another one goes on as before: it is declared, so that a person sees it.
INSERT INTO stock_untracked (place, sku, at, person, reason)
SELECT u.place, u.sku, now(), 'orderwright', 'it left from there uncounted before this had to be declared'
FROM stock_uncounted u
WHERE EXISTS (SELECT FROM stock s WHERE s.sku = u.sku)
    AND NOT EXISTS (SELECT FROM stock s WHERE s.place = u.place AND s.sku = u.sku)
    AND NOT EXISTS (SELECT FROM stock_untracked t WHERE t.place IN ('*', u.place) AND t.sku IN ('*', u.sku))
ON CONFLICT DO NOTHING;
