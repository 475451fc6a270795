"""One package for each engine that a warehouse may run on."""
