"""The demo: a whole small world on this machine, to watch and to measure."""

from __future__ import annotations
