"""The life of an order as pure functions."""
