"""What every machine is made of: tables, decisions, the ledger. Knows no machine."""
