"""The accounting export: every order as balanced documents of a journal."""
