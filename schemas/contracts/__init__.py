"""What is promised outside, and how it is checked: schemas, refusals, checks."""
