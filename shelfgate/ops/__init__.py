"""The schema `ops`: who holds the warehouse, which runs there were, and what readers see."""
