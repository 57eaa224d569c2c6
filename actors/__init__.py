"""The heart: the life of an order, decided purely and run by one actor per live order."""
