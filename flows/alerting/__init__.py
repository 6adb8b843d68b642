"""Rules, their episodes, what is told of them, and how it gets there. Knows neither Prefect nor the sandbox: rows, clock and ledger are passed in."""
