"""Refunds: one request to the channel to give money back to the customer."""
