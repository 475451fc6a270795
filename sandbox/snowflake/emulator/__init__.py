"""Runs in the environment beside it (../pyproject.toml), not in the product's, which may import `dialect` alone."""
