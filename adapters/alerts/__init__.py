"""Ways of an alert to people: mail and webhooks."""
