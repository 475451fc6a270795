"""The sandbox's Snowflake: a process of its own that speaks Snowflake's wire protocol; no part of production."""
