"""What every HTTP API shares: authentication, request bodies, problems, idempotency."""
