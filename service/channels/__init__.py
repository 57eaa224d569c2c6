"""The sales channels: sync, backfill, the API and the commands."""
