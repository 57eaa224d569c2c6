"""What every HTTP API shares: who calls, bodies, problems, idempotency."""
