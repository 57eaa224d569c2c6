"""One decision for many orders."""
