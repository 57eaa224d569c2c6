-- Orders of which goods are picked and packed now. Who packs asks for them every few seconds: found by an index of these alone, however
-- many orders wait for something else. It changes twice in an order's life, so most updates of `orders` stay heap-only.
ALTER TABLE orders ADD COLUMN in_house boolean NOT NULL DEFAULT false;

-- A state that names such a stage, exactly or of something else: each order's next change says it exactly.
UPDATE orders SET in_house = true
WHERE NOT final AND progress IN ('accepted', 'backordered', 'reserved', 'released', 'picked', 'packed', 'cancelling') AND (
    position('\x2272656c656173656422'::bytea IN state) > 0 -- "released"
    OR position('\x227069636b656422'::bytea IN state) > 0 -- "picked"
    OR position('\x227061636b656422'::bytea IN state) > 0 -- "packed"
);

CREATE INDEX orders_in_house ON orders (placed_at, order_id) WHERE in_house;

-- Who compares the books: sees orders and differences, begins runs and decides differences; decides nothing about orders.
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('viewer', 'auditor', 'finance', 'warehouse', 'agent', 'operator', 'admin'));
