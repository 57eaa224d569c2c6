-- How far what became of orders and messages was published for other services: up to which event in commit order, and for which
-- channels. The cursor begins where the events end when publishing begins: no one is told of last year's orders.
CREATE TABLE fact_progress (
    id integer PRIMARY KEY CHECK (id = 1),
    xid xid8 NOT NULL,
    position bigint NOT NULL,
    channels text[] NOT NULL
);

-- The state of an item that was published last ("": none yet).
ALTER TABLE quarantine ADD COLUMN told text NOT NULL DEFAULT '';
UPDATE quarantine SET told = state;

-- Small: it holds only what is still to be published.
CREATE INDEX quarantine_untold ON quarantine (channel, id) WHERE told <> state;
