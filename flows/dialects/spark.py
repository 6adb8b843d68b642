"""Spark as a process of ours: in an environment of its own, asked by lines of JSON, gone when we are.

    .venv-spark/        pyspark's environment, made from requirements.lock the first time
    spark_inside/       what runs there
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from flows.dialects.current import CannotBuild
from flows.environments import CannotMake, make_environment
from flows.sections import BuiltInSpark
from flows.settings import PROJECT

HERE = Path(__file__).resolve().parent
ENVIRONMENT = PROJECT / ".venv-spark"
# Nothing but what the numbers need: instants are of UTC, what cannot be worked out stops the statement, decimals keep their digits.
OPTIONS = {
    "spark.app.name": "meridian", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.eventLog.enabled": "false",
    "spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true", "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false", "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC", "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
    "spark.sql.cteRecursionLevelLimit": "1000000", "spark.sql.cteRecursionRowLimit": "-1",
}
# On one machine: nothing listens elsewhere; 200 pieces of a few rows each cost more than they are worth.
ON_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.sql.shuffle.partitions": "4"}


_NAMED = re.compile(r"\[[A-Z][A-Z_.]+\] ")


class Refused(Exception):
    """Spark does not work this out; the text is Spark's first sentence."""


@dataclass(frozen=True, kw_only=True)
class Spark:
    process: subprocess.Popen[str]
    log: Path
    version: str

    def read(self, name: str, path: Path) -> None:
        """The Parquet files of a folder, as a table of this name. Raises Refused."""
        _asked(self.process, self.log, {"do": "read", "name": name, "path": str(path)})

    def land(self, name: str, files: Sequence[Path], sql: str) -> None:
        """What `sql` makes of the `lines` of files (value, file_path), as a table of this name. Raises Refused."""
        _asked(self.process, self.log, {"do": "land", "name": name, "files": [str(file) for file in files], "sql": sql})

    def make(self, name: str, sql: str, path: Path) -> None:
        """What a select answers, as Parquet in a folder and as a table of this name. Raises Refused."""
        _asked(self.process, self.log, {"do": "make", "name": name, "path": str(path), "sql": sql})


@contextmanager
def running(options: BuiltInSpark, environment: Path = ENVIRONMENT) -> Iterator[Spark]:
    """Raises CannotBuild where Java or pyspark cannot be had, or Spark does not start."""
    if (java := why_no_java()) is not None:
        raise CannotBuild(java)
    try:
        make_environment(environment, HERE / "requirements.lock")
    except CannotMake as error:
        raise CannotBuild(f"Spark's environment {environment}: {error}") from None
    with tempfile.TemporaryDirectory(prefix="meridian-spark-") as scratch:
        log = Path(scratch) / "spark.log"
        told = {**OPTIONS, **(ON_THIS_MACHINE if options.is_local else {}), "spark.master": options.master, "spark.driver.memory": options.memory,
                "spark.executor.memory": options.memory, "spark.local.dir": scratch, "spark.sql.warehouse.dir": scratch}
        with log.open("wb") as out:
            process = subprocess.Popen([str(environment / "bin" / "python"), str(HERE / "spark_inside" / "serve.py"), json.dumps(told)], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, env=_told(options, environment), cwd=scratch)
        try:
            answer = _answered(process, log)
            yield Spark(process=process, log=log, version=answer["version"])
        finally:
            _stdin(process).close()        # the process ends when nobody is left to ask
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def why_no_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if (Path(home) / "bin" / "java").is_file() if home else shutil.which("java"):
        return None
    return "Spark needs Java, 17 or later, and there is none on this machine's PATH or in JAVA_HOME: install openjdk-17-jre-headless, then build again"


def _told(options: BuiltInSpark, environment: Path) -> Mapping[str, str]:
    """What Spark's processes are told. Nothing else of ours: Meridian's secrets stay with Meridian."""
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME", "HADOOP_CONF_DIR") if name in os.environ}
    return {**passed, **({"SPARK_LOCAL_IP": "127.0.0.1"} if options.is_local else {}), "PYSPARK_PYTHON": str(environment / "bin" / "python")}


def _asked(process: subprocess.Popen[str], log: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        _stdin(process).write(json.dumps(question) + "\n")
        _stdin(process).flush()
    except BrokenPipeError:
        raise CannotBuild(f"Spark has ended: {_last_words(log)}") from None
    return _answered(process, log)


def _answered(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CannotBuild(f"Spark has ended: {_last_words(log)}")
    answer: dict[str, Any] = json.loads(line)
    if "refused" in answer:
        raise Refused(_reason(answer["refused"]))
    return answer


def _reason(refused: str) -> str:
    """Spark's first sentence; of what went wrong while it worked, the first cause that has a name: before that Java tells of itself."""
    lines = [line.strip() for line in refused.strip().splitlines()]
    named = (line[line.index("["):] for line in lines if _NAMED.search(line))
    return next(named, lines[0])


def _stdin(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None
    return process.stdin


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line or "Exception" in line), lines[-1] if lines else "it said nothing")
