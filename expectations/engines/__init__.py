"""One file for each engine that Great Expectations asks, and their registry."""
