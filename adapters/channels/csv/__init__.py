"""Orders from a CSV file."""
