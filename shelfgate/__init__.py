"""The core: what a publication is and what makes one possible. Knows neither Prefect nor Great Expectations."""
