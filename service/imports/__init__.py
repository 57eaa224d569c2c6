"""Orders from a file: the API and the command."""
