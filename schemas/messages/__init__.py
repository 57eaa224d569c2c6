"""What travels: inputs, events, effects, callbacks, published events."""
