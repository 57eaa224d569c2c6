"""NATS JetStream: where every input waits, on disk, until its order has taken it."""
