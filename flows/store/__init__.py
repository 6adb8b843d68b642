"""Where data rests, one module a place: landing, warehouse, published, ledger."""
