"""USPS: whether an address of the United States can be delivered to."""
