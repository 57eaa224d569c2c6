"""What runs beside the product: simulators, benches, runbooks. The product never imports it."""
