"""Tests of one module or file at a time, without servers."""
