"""Accounts of users in source systems, as meridian.toml names them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _of_a_source(account: str) -> str:
    if not re.fullmatch(r"[^:\s]+:[^:\n]+", account):
        raise ValueError(f"{account!r} is no account; write <source>:<number or name of the user>, for example erp:7")
    return account


Account = Annotated[str, AfterValidator(_of_a_source)]
