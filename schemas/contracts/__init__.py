"""Published contracts and how messages are checked against them: schemas, refusals, checks."""
