"""One file for each engine that a snapshot is loaded into."""
