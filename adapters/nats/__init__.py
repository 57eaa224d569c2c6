"""NATS JetStream: every input waits here, on disk, until its order has it."""
