"""Warehouses: what they are asked to do."""
