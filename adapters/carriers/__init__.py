"""Carriers: labels, voids and tracking."""
