"""What every machine is made of: tables, the ledger, decisions and the work of making one."""
