"""The conformance kit over every kind of ours, and over what others add."""
