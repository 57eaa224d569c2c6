"""Facts for other services: what became of their orders and messages."""
