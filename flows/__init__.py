"""When, and in what order. No SQL, no HTTP, no environment below the edge."""
