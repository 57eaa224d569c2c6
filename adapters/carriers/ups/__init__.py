"""UPS: labels and tracking."""
