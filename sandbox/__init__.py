"""The whole estate on one machine: real Postgres and S3 interfaces with test data behind them. Production never imports it."""
