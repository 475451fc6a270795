"""Airbyte's API: connections, jobs, what they answer, and the workspace that a connection needs."""
