"""The order as a family of machines, machine by machine."""
