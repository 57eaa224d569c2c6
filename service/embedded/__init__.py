"""Postgres and NATS as supervised children of this process, in one data directory."""

from __future__ import annotations
