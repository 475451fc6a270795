"""One gate: its suites are run, their results read, its waivers applied, and a verdict given."""
