"""Payments: money that the channel has reserved and that is to be captured."""
