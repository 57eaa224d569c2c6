-- Holds that wait for a person: who has taken one on, until when it is due, and what was decided. The hold itself is the order's.

-- `value` is the order's total in whole units of its currency, to sort by; currencies are not converted. `asked` is an open question.
-- `decided` stands until the order has carried the decision out (`closed_at`) or has not.
CREATE TABLE reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL,
    hold_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    number text NOT NULL,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    value numeric NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    claimed_by text NOT NULL DEFAULT '',
    claimed_at timestamptz,
    asked text NOT NULL DEFAULT '',
    asked_by text NOT NULL DEFAULT '',
    questions int NOT NULL DEFAULT 0,
    decided text NOT NULL DEFAULT '' CHECK (decided IN ('', 'approved', 'rejected')),
    decided_by text NOT NULL DEFAULT '',
    decided_why text NOT NULL DEFAULT '',
    decided_at timestamptz,
    escalated_at timestamptz,
    closed_at timestamptz
);

CREATE UNIQUE INDEX reviews_open ON reviews (order_id, hold_id) WHERE closed_at IS NULL;
CREATE INDEX reviews_queue ON reviews (value DESC, due_at, id) WHERE closed_at IS NULL;
CREATE INDEX reviews_closed ON reviews (closed_at) WHERE closed_at IS NOT NULL;

-- Which version of an order the queue was compared with; only of orders that need a person, or did.
CREATE TABLE review_orders (
    order_id text COLLATE "C" PRIMARY KEY,
    version int NOT NULL
);
