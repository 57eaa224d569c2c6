"""Sales channels: what they tell us, and what is told them."""
