-- What came back with a return is entered once, however often it is asked: one movement for each return, place and SKU. Movements that
-- people enter have no order.
CREATE UNIQUE INDEX stock_movements_returned ON stock_movements (order_id, key, place, sku)
    WHERE kind = 'returned' AND order_id <> '';
