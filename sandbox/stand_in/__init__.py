"""What every stand-in of a hosted API needs, so that each one's own files hold the vendor's rules and nothing else.

    state.py     the records that the API shows, by kind and id, in one SQLite file; facts, fresh ids, transactions, the company's clock
    limits.py    a refusal (Failure), a sliding rate limit, readers of what clients send
    serving.py   an HTTP server on 127.0.0.1 for a function (method, url, headers, body) -> (status, headers, answer)
    command.py   python -m sandbox.<kind> install|load|start|stop|day|status|serve, for a declared StandIn

A stand-in writes, in `sandbox/<kind>/`: `server.py` with a class `Api` whose `answer` is served, `load.py` with what brings a plan
(sandbox/company/plan.py) into a State and lives one day more, and `__main__.py` that declares a `command.StandIn`. `sandbox/zendesk/` is the pattern.
Standard library alone.
"""
