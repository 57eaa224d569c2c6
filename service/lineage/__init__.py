"""Lineage: where every field of a source goes at every partner, found by trying it out."""
