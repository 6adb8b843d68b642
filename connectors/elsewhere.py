"""A file that a source keeps on another host: asked for once, without cookies or credentials, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from connectors.answers import path_of, reason
from connectors.rest import LOOPBACK, unsigned
from connectors.stream import Unreachable

TIMEOUT = (10.0, 60.0)           # seconds: to connect, and between two pieces
PIECE = 64 * 1024                # bytes


@contextmanager
def pieces(url: str, *, source: str, stream: str) -> Iterator[Iterator[bytes]]:
    """The decompressed pieces of the file; how large it may be is for the caller to bound. Raises Unreachable for whatever goes wrong, also while they are
    read, and names the address without its parameters: they are a signature."""
    host = urlsplit(url).hostname

    def out_of_reach(what: str) -> Unreachable:
        return Unreachable(f"{host}{path_of(url)}: {what}", source=source, stream=stream, mend="the next run tries again; may this machine reach that host?")

    if urlsplit(url).scheme != "https" and host not in LOOPBACK:
        raise out_of_reach("is not an https address")
    with requests.Session() as session:
        session.trust_env = host not in LOOPBACK       # a company's proxy is not for our own machine
        try:
            with session.get(url, headers={"User-Agent": "Meridian/0.1"}, auth=unsigned, timeout=TIMEOUT, allow_redirects=False, stream=True) as response:
                if response.status_code != 200:
                    raise out_of_reach(f"answers {response.status_code}")
                yield response.iter_content(PIECE)
        except requests.exceptions.RequestException as error:
            raise out_of_reach(reason(error)) from None
