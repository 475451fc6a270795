"""What must be true. The only importer of Great Expectations; refuses to read a verdict from `result.success`."""
