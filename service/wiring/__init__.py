"""The composition root: what the process is made of, from settings and registered kinds."""
