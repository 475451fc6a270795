"""A warehouse in a Snowflake account."""
