"""Amazon: orders that are only named, and the shipment told back."""
