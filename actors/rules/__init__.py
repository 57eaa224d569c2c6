"""Rules: conditions over an order's facts, checked, and made into one Python function. Pure."""
