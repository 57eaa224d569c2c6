"""Shopify: webhooks that bring the order, fulfilment, sync."""
