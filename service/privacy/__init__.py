"""Personal data: requests, retention, the API and the commands."""
