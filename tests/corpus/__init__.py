"""One of each event ever stored, as it was stored. Files are added, never changed or removed."""
