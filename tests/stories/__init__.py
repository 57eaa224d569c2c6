"""Orders' stories in words: given, when, then, and what it came to at everyone involved."""
