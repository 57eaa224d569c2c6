"""The journal in Postgres: migrations, one pool, and every statement in one named file."""

from __future__ import annotations
