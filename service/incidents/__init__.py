"""Incidents: the API and the commands."""
