"""Mappings: kept up to date, previewed, changed."""
