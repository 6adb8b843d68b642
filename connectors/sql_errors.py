"""What a database's refusal means for us: PostgreSQL's SQLSTATE ("PostgreSQL Error Codes") and MySQL's numbers ("Server Error Message Reference")
sorted into the error tree of stream.py. The words are the database's own, without the statement, its parameters or our password."""

from __future__ import annotations

from typing import Any

from connectors.stream import Misconfigured, Refused, SourceError, UnexpectedShape, Unreachable

MENDS: dict[type[SourceError], str] = {
    Unreachable: "the next run tries again; check that the database is up",
    Refused: "renew the password, or grant the user select on this table",
    Misconfigured: "correct the source's streams in meridian.toml, or its address",
    UnexpectedShape: "see what changed in the database; nothing was lost",
}
TOO_SLOW = "add an index on the cursor and the key, or raise statement_timeout"

# By the beginning of the SQLSTATE; the longest that fits counts. True: waiting a moment may help.
POSTGRESQL: dict[str, tuple[type[SourceError], bool]] = {
    "08": (Unreachable, True),
    "28": (Refused, False),
    "3D": (Misconfigured, False),
    "3F": (Misconfigured, False),
    "40": (Unreachable, True),          # 40001: a standby needed to go on replaying; 40P01: deadlock
    "42": (Misconfigured, False),
    "42501": (Refused, False),
    "53": (Unreachable, True),          # too many connections, out of memory
    "55": (Unreachable, True),
    "57": (Unreachable, True),          # shutting down, starting up
    "57014": (Unreachable, False),      # the statement time-out
    "58": (Unreachable, True),
}
MYSQL: dict[int, tuple[type[SourceError], bool]] = {
    **dict.fromkeys((1040, 1041, 1053, 1203, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2055), (Unreachable, True)),
    **dict.fromkeys((1969, 3024), (Unreachable, False)),                    # the statement time-out of MariaDB, of MySQL
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1698, 3118), (Refused, False)),
    **dict.fromkeys((1049, 1054, 1146, 1356), (Misconfigured, False)),
}


def as_source_error(error: BaseException, *, source: str, stream: str, hidden: str | None) -> tuple[SourceError, bool]:
    """(the error to raise, whether the same question may be answered in a moment). hidden: the password, in case somebody repeats it."""
    cause: Any = getattr(error, "orig", None) or error
    first = cause.args[0] if getattr(cause, "args", ()) else None
    if isinstance(first, dict):                                             # pg8000: the fields of the protocol's ErrorResponse
        state, words = str(first.get("C", "")), str(first.get("M", ""))
        kind, may_pass = next((POSTGRESQL[state[:length]] for length in (5, 2) if state[:length] in POSTGRESQL), (UnexpectedShape, False))
        is_slow = state == "57014"
    elif isinstance(first, int) and len(cause.args) > 1 and not isinstance(cause, OSError):      # PyMySQL: number, words
        words = str(cause.args[1])
        kind, may_pass = MYSQL.get(first, (UnexpectedShape, False))
        is_slow = first in (1969, 3024)
    else:                                                                   # below the protocol: no connection, a broken one, TLS
        words, kind, may_pass, is_slow = str(cause) or type(cause).__name__, Unreachable, True, False
    if hidden:
        words = words.replace(hidden, "***")
    return kind(" ".join(words.split())[:300], source=source, stream=stream, mend=TOO_SLOW if is_slow else MENDS[kind]), may_pass
