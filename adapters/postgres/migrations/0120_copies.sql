-- The orders that are recorded as copies of the one that has a claim, and whether that one is cancelled: its copies get a timer in
-- the commit that cancels it, and one that becomes a copy later gets it in its own.
ALTER TABLE claims
    ADD COLUMN ended boolean NOT NULL DEFAULT false,
    ADD COLUMN copies text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN copy_partitions int[] NOT NULL DEFAULT '{}';

UPDATE claims c SET ended = true FROM orders o WHERE o.order_id = c.order_id AND o.stage = 'cancelled';

-- By their text: a NUL in any other of an event's texts would keep Postgres from reading it as JSON.
UPDATE claims c SET copies = f.copies, copy_partitions = f.partitions
FROM (
    SELECT claim, array_agg(order_id ORDER BY order_id) AS copies, array_agg(partition ORDER BY order_id) AS partitions
    FROM (
        SELECT DISTINCT substring(convert_from(e.body, 'UTF8') FROM '"claim":"([^"\\]+)"') AS claim, o.order_id, o.partition::int AS partition
        FROM orders o JOIN events e ON e.order_id = o.order_id AND e.type = 'order.duplicate.v1'
        WHERE o.stage = 'duplicate'
    ) d
    GROUP BY claim
) f
WHERE f.claim = c.claim;

-- Those whose other order was cancelled before anybody was told.
INSERT INTO timers (order_id, key, name, partition, due_at)
SELECT DISTINCT u.order_id, 'O', 'twin', u.partition, now()
FROM claims c CROSS JOIN unnest(c.copies, c.copy_partitions) AS u (order_id, partition)
WHERE c.ended AND u.order_id <> c.order_id
ON CONFLICT DO NOTHING;
