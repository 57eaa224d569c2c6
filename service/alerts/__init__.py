"""Alerts: people are told of incidents and of partners in trouble."""
