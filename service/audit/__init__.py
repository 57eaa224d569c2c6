"""The audit as people read it."""
