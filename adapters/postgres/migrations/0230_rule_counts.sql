-- How often each rule fires is counted in the background like a trial, one of both at a time, and the last count is shown until the next.
ALTER TABLE rule_trials ADD COLUMN kind text NOT NULL DEFAULT 'backtest' CHECK (kind IN ('backtest', 'coverage'));
