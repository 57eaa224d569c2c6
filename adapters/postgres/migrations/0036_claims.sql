-- Which order has the id under which a marketplace knows it: written in the commit that accepts the order, kept as long as the order.
-- `person` took it over from an order that is cancelled.
CREATE TABLE claims (
    claim text COLLATE "C" PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL,
    person text NOT NULL DEFAULT '',
    at timestamptz NOT NULL,
    CONSTRAINT claimed_by_another CHECK (order_id <> '')
);
