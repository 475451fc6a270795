"""Reading one inventory dump: packed bytes, CSV, header, rows."""
