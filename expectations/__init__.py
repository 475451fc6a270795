"""What must be true. The only package that imports Great Expectations; refuses to read its verdict from `result.success`."""
