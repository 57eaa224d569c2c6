"""The whole system in processes of its own, as an operator runs it."""
