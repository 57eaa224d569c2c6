"""Which failures there are and how they open and end, as pure functions."""
