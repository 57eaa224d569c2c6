"""A corner shop: a channel of somebody else's, written from docs/add-a-channel.md alone."""
