"""What comes in: the edge that takes it, the intake that reads it."""
