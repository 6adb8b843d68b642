"""Statistics that SQL cannot say shortly: arrays in, arrays out. Knows neither Prefect nor the store; dbt reaches it by `dbt_functions`."""
