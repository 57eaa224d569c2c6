"""Failures: how events are categorised and incidents open and end, as pure functions."""
