"""Warehouses that implement our contract over HTTP."""
