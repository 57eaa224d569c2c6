"""What every machine is made of: tables, answers, the ledger, and who plays which role."""
