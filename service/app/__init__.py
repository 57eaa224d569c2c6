"""The process: its start and end, HTTP application and background tasks."""
