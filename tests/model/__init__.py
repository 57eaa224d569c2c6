"""The order's machines against simulated partners that keep the truth."""
