"""Messages to the customer."""
