"""The console's frame: pages, sign-in, assets and the overview. Features' pages are in theirs."""
