"""The tests: each shows one promise kept or tries to break it."""
