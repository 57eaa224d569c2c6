"""The outside world, translated: journal, streams and partners behind the ports of actors."""
