"""Runs in Spark's environment: takes statements as lines of JSON and answers each with a line. Spark's own words go to stderr.

    {"do": "read", "name": "stg_orders", "path": "..."}                  a table of Parquet that later statements may read
    {"do": "land", "name": "zendesk__tickets", "files": [...], "sql": "..."}    what `sql` makes of their {lines}: value, file_path
    {"do": "make", "name": "fct_orders", "sql": "...", "path": "..."}    what a select answers becomes such a table
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)       # Java writes to what was stdout before it was asked anything
    from pyspark.sql import SparkSession

    options: dict[str, str] = json.loads(sys.argv[1])
    builder: Any = SparkSession.builder
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    _say(answers, {"version": session.version})
    for line in sys.stdin:
        try:
            _say(answers, _do(session, json.loads(line)))
        except Exception as error:
            _say(answers, {"refused": str(error) or type(error).__name__})
    session.stop()


def _do(session: Any, told: dict[str, Any]) -> dict[str, Any]:
    if told["do"] == "land":
        lines = {"lines": session.read.option("lineSep", "\n").text(told["files"]).select("value", "_metadata.file_path")} if told["files"] else {}
        session.sql(told["sql"], **lines).createOrReplaceTempView(told["name"])
        return {}
    if told["do"] == "make":
        session.sql(told["sql"]).write.mode("overwrite").parquet(told["path"])
    session.read.parquet(told["path"]).createOrReplaceTempView(told["name"])
    return {}


def _say(answers: Any, told: dict[str, Any]) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


main()
