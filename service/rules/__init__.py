"""Rules: read from files, checked, tried, published and watched."""
