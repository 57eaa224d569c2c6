"""Captures: one request to the channel to take reserved money."""
