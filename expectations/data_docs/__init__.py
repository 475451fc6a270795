"""The Data Docs site: its pages, its templates, and the results that it shows."""
