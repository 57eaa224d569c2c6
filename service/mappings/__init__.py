"""Mappings: kept up to date, previewed, edited."""
