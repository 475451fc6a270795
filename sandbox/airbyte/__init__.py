"""The stand-in of the Airbyte API, and the syncs that it runs."""
