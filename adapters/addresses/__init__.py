"""Services that know the addresses of a country, one folder each."""
