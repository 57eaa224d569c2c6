"""Incidents: API and commands."""
