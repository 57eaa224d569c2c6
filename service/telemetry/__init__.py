"""What an SRE sees: traces, metrics and logs."""
