-- Failures counted by category: a projection of events, of the quarantine and of what the edge refused.
-- All of it but `incident_told` can be counted again from the beginning.

-- How far the projection has read. One row: whoever counts locks it first, so pages are counted once and in order.
CREATE TABLE incident_progress (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    xid xid8 NOT NULL DEFAULT '0',
    position bigint NOT NULL DEFAULT 0,
    quarantine_id bigint NOT NULL DEFAULT 0,
    events_at timestamptz
);
INSERT INTO incident_progress DEFAULT VALUES;

-- One row per category that ever occurred.
CREATE TABLE incidents (
    category text COLLATE "C" PRIMARY KEY,
    is_open boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    settled_at timestamptz,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    occurrences bigint NOT NULL,
    episode bigint NOT NULL,
    reopened integer NOT NULL,
    waiting integer NOT NULL
);

-- Its history: each time from opening to resolving.
CREATE TABLE incident_episodes (
    category text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    occurrences bigint NOT NULL,
    PRIMARY KEY (category, opened_at)
);

CREATE TABLE incident_channels (
    category text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    occurrences bigint NOT NULL,
    PRIMARY KEY (category, channel)
);

CREATE TABLE incident_hours (
    category text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    occurrences bigint NOT NULL,
    PRIMARY KEY (category, channel, hour)
);
CREATE INDEX incident_hours_age ON incident_hours (hour);

-- How many orders were placed: what the affected ones are a share of.
CREATE TABLE incident_placed (
    channel text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    orders bigint NOT NULL,
    PRIMARY KEY (channel, hour)
);

-- Which orders are or were affected. `matter` is what must end before the order has moved on.
CREATE TABLE incident_orders (
    category text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    matter text NOT NULL,
    is_open boolean NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    occurrences integer NOT NULL,
    PRIMARY KEY (category, order_id)
) WITH (fillfactor = 80);
CREATE INDEX incident_orders_open ON incident_orders (order_id) WHERE is_open;
CREATE INDEX incident_orders_newest ON incident_orders (category, last_at DESC);

-- What was refused with an answer and kept nowhere else: forged webhooks, wrong posts. By hour.
CREATE TABLE incident_told (
    category text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    occurrences bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (category, channel, hour)
);
