"""The review queue: orders that a rule or a hold sends to a person."""
