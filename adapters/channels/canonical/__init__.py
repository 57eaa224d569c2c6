"""Our own contract, for channels that speak it."""
