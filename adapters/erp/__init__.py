"""ERP systems: sales orders in, and taken back."""
