"""What comes in: the edge that accepts it, and the intake that reads it."""
