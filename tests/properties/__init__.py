"""What holds for everything that could come, tried with much of it."""
