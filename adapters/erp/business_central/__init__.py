"""Business Central: sales orders."""
