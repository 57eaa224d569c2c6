"""Returns: goods that a customer sends back, from the wish to what became of every unit."""
