"""What a suite asks of a stage: its window, its one query, and the expectations that the query answers."""
