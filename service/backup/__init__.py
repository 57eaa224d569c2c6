"""Backup and restore: one file that everything comes back from, and nothing twice."""
