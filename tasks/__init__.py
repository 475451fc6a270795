"""How one step runs under Prefect: retries, names, artifacts; one outside system a file, and no SQL."""
