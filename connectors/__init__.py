"""Readers of other systems. `stream` is the contract, `rest` the one HTTP implementation, every other module a source."""
