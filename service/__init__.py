"""The process: settings, wiring, clock, embedded servers, edge, intake and command line."""
