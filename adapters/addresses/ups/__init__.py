"""UPS: whether an address of the United States or Puerto Rico can be delivered to."""
