"""Contracts: what travels between people, partners and the parts of Orderwright."""
