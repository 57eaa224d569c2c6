-- Alerts: one for each cause that people are told of, and what was sent of it each way.

-- `cause` is an incident's category, or `partner_not_called:LANE` for a partner in trouble. `gone_at` is since when the cause is gone;
-- one that comes back soon is the same alert. An alert that is resolved stays for the record.
CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    words text NOT NULL,
    opened_at timestamptz NOT NULL,
    gone_at timestamptz,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text NOT NULL DEFAULT '',
    acknowledged_why text NOT NULL DEFAULT ''
);

CREATE UNIQUE INDEX alerts_open ON alerts (cause) WHERE resolved_at IS NULL;
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- What was sent of an alert one way. `tries` counts those of the message that is due and failed; `next_at` is when it may be tried again.
CREATE TABLE alert_sendings (
    alert_id bigint NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    route text COLLATE "C" NOT NULL,
    sent int NOT NULL DEFAULT 0,
    sent_at timestamptz,
    resolved_said boolean NOT NULL DEFAULT false,
    tries int NOT NULL DEFAULT 0,
    next_at timestamptz,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (alert_id, route)
);
