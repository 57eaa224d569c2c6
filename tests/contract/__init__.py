"""Every adapter and simulated partner against the partner's own description."""
