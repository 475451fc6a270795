"""The outside systems that a run calls, one a module. None of them knows Prefect or reads the environment."""
