"""What may stand in a [sources.<name>] of kind salesforce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.options import refuse_unknown
from connectors.stream import Misconfigured


@dataclass(frozen=True, kw_only=True)
class SalesforceOptions:
    """url: your My Domain, https://<company>.my.salesforce.com. client_id: consumer key of the app. username, audience: with a private key; a sandbox's
    audience is https://test.salesforce.com.

    objects: API names of further objects. without: streams that are not read. refresh_every: days between whole readings of objects with formulas, 0: never.
    leave_percent: of the organisation's requests of a day, what is left to other applications.
    """

    url: str
    client_id: str = ""
    client_secret_env: str = ""
    refresh_token_env: str = ""
    private_key_env: str = ""
    username: str = ""
    audience: str = "https://login.salesforce.com"
    version: str = "62.0"
    objects: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    refresh_every: int = 7
    leave_percent: int = 10
    allow_http: bool = False


def options_of(name: str, options: Mapping[str, Any]) -> SalesforceOptions:
    """Raises Misconfigured."""
    refuse_unknown(name, options, SalesforceOptions)
    if not options.get("url"):
        raise Misconfigured("no url is set", source=name, mend='your My Domain: url = "https://<company>.my.salesforce.com"')
    for option in ("objects", "without"):
        if isinstance(options.get(option), str):
            raise Misconfigured(f"{option} is {options[option]!r}", source=name, mend=f'a list: {option} = ["..."]')
    own = SalesforceOptions(**{**options, "objects": tuple(options.get("objects", ())), "without": tuple(options.get("without", ()))})
    if not re.fullmatch(r"\d+\.\d", own.version):
        raise Misconfigured(f"version is {own.version!r}", source=name, mend='a version of the API, e.g. "62.0"')
    if not 0 <= own.leave_percent < 100 or own.refresh_every < 0:
        raise Misconfigured("leave_percent or refresh_every is out of bounds", source=name, mend="leave_percent: 0 to 99; refresh_every: days, 0 for never")
    return own
