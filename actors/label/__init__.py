"""Labels: one purchase for the parcels of a fulfilment."""
