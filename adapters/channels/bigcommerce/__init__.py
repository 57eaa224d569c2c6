"""BigCommerce: orders that are only named, fulfilment, sync."""
