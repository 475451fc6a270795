"""From a candidate to what readers see, and back: publish, read back, roll back, vacuum, back up."""
