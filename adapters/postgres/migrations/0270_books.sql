-- The accounting export: balanced documents of orders, entered once and never changed.

-- `number` counts the documents of one part of an order (what was sold, what was paid, what the seller is charged). `day` is the one in
-- the shop's time zone. `entries` are a role, a detail and signed minor units each, and come to 0. Ids and amounts; no personal data.
CREATE TABLE book_documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL,
    part text NOT NULL CHECK (part IN ('sale', 'money', 'charges')),
    number int NOT NULL CHECK (number > 0),
    kind text NOT NULL,
    channel text NOT NULL,
    ref text NOT NULL,
    order_number text NOT NULL,
    reference text NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    entries jsonb NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (order_id, part, number)
);

CREATE INDEX book_documents_by_day ON book_documents (day, id);

CREATE TRIGGER book_documents_are_facts BEFORE UPDATE OR DELETE OR TRUNCATE ON book_documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far the journal's events were read for it.
CREATE TABLE book_progress (
    id int PRIMARY KEY CHECK (id = 1),
    xid xid8 NOT NULL,
    position bigint NOT NULL
);

INSERT INTO book_progress (id, xid, position) VALUES (1, '0', 0);
