"""The Prefect flows: when, and in what order. No SQL, no HTTP, no environment."""
