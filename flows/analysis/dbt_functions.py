"""Functions of flows/analysis as functions of SQL, for dbt (dbt-duckdb's plugins; profiles.yml names this module).

They exist in the builder's DuckDB alone: what they return is stored in tables, so nobody who reads a published version needs them.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

VERDICT = "struct(verdict varchar, before double, after double, effect double, low double, high double, placebo double)"
LIMITS = "struct(expected double, sigma double, baseline_points bigint, side bigint)[]"


def control_limits(values: Any, weekdays: Any, sizes: Any, floors: Any) -> Any:
    """Arrow arrays of lists, a list a series -> an array of lists of structs, one for each value: flows/analysis/signals.py."""
    import numpy as np
    import pyarrow as pa

    from flows.analysis.signals import control_limits as limits_of

    arrays = [column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in (values, weekdays, sizes, floors)]
    lengths = np.asarray([len(one) for one in arrays[0]], dtype=np.int64)
    is_there = np.arange(lengths.max(initial=0))[None, :] < lengths[:, None]
    matrices = [np.full(is_there.shape, np.nan) for _ in arrays]
    for matrix, array in zip(matrices, arrays, strict=True):
        matrix[is_there] = array.flatten().to_numpy(zero_copy_only=False).astype(np.float64)      # null becomes nan
    found = limits_of(*matrices)
    rows = pa.StructArray.from_arrays(
        [pa.array(found.expected[is_there], from_pandas=True), pa.array(found.sigma[is_there], from_pandas=True),
         pa.array(found.points[is_there]), pa.array(found.side[is_there])],
        names=["expected", "sigma", "baseline_points", "side"])
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), type=pa.int32()), rows)


def project_verdict(values: list[float | None], first_after: int, lower_is_better: bool) -> dict[str, Any]:
    """The weeks of a KPI, oldest first, and the position of the first one of the project -> a struct: flows/analysis/projects.py."""
    import sys
    from dataclasses import asdict
    from math import isnan

    import numpy as np

    from flows.analysis.projects import judge
    from flows.dbt_shortcuts import NoPandas

    if NoPandas in sys.meta_path:       # statsmodels wants it
        sys.meta_path.remove(NoPandas)
    judged = judge(np.array([np.nan if value is None else value for value in values]), first_after, lower_is_better=lower_is_better)
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in asdict(judged).items()}


def agents_needed(contacts: Any, handling: Any, share: Any, within: Any) -> Any:
    """Arrow arrays of contacts an hour, minutes of work on each, share and minutes of the promise -> people needed: flows/analysis/erlang.py."""
    import numpy as np
    import pyarrow as pa

    from flows.analysis.erlang import agents_needed as needed

    arrays = [column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in (contacts, handling, share, within)]
    return pa.array(needed(*(array.to_numpy(zero_copy_only=False).astype(np.float64) for array in arrays)), from_pandas=True)


def add_to(connection: Any) -> None:
    """Make them known to a DuckDB connection."""
    connection.create_function("control_limits", control_limits, ["double[]"] * 4, LIMITS, type="arrow")
    connection.create_function("agents_needed", agents_needed, ["double"] * 4, "double", type="arrow", null_handling="special")
    connection.create_function("project_verdict", project_verdict, ["double[]", "bigint", "boolean"], VERDICT)


class Plugin(BasePlugin):
    def configure_connection(self, conn: Any) -> None:
        add_to(conn)
