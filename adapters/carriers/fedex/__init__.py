"""FedEx: labels and tracking."""
