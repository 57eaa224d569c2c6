-- Filters of the list of orders that people keep under a name: their own, and those that all see.

-- `filter` holds no e-mail address: what is kept here outlives the customer's data. `shared` views are named once for all, the
-- others once for their owner.
CREATE TABLE order_views (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    filter text NOT NULL CHECK (length(filter) BETWEEN 1 AND 1000),
    shared boolean NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX order_views_own ON order_views (owner, name) WHERE NOT shared;
CREATE UNIQUE INDEX order_views_shared ON order_views (name) WHERE shared;
