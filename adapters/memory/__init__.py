"""Twins of the stores that keep everything in memory: for tests and trials, never for orders."""

from __future__ import annotations
