"""The public feed: what is in stock, and how long it takes to be there as measured."""
