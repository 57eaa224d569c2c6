"""Fulfilments: units that leave one place together."""
