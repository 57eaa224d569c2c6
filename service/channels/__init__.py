"""The sales channels: sync, backfill, API and commands."""
