"""The retailer's systems: its Postgres, its bucket, and the data in them."""
