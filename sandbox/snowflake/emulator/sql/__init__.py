"""The SQL that the emulator understands: what it refuses, answers itself, or hands to DuckDB in another form."""
