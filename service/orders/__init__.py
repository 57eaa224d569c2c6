"""Orders: the API and the commands."""
