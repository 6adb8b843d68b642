"""A headless Chromium from Debian's packages, driven by Playwright: for what has to be seen in a real browser.

    with browser.page() as page:
        page.goto("http://127.0.0.1:4200")

    python3 -m sandbox.browser install        # what .ci/run does; needs apt and root

Playwright would fetch a browser of its own from its vendor; Debian's is kept up to date by the system and needs no other address.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import apt
from sandbox.apt import CannotInstall

PACKAGES = ("chromium", "fonts-noto-color-emoji", "fonts-noto-cjk")      # squares and Chinese are drawn by the system's fonts


def is_installed() -> bool:
    return shutil.which("chromium") is not None and Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf").exists()


def install(*, log: Path | None = None) -> None:
    """Install what is missing. Raises CannotInstall where this machine cannot, RuntimeError when apt failed."""
    if is_installed():
        return
    reason = apt.why_not("chromium", "python3 -m sandbox.browser install")
    if reason:
        raise CannotInstall(reason)
    apt.install("chromium", PACKAGES, is_installed, log=log)


@contextmanager
def page(*, width: int = 1280, height: int = 1760, patience: float = 30.0) -> Iterator[Any]:
    """A page (playwright.sync_api.Page) of a browser of its own; what is waited for in it is waited for `patience` seconds."""
    from playwright.sync_api import sync_playwright

    # As root Chromium starts without its own sandbox only; it is shown nothing but servers of ours on 127.0.0.1.
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        try:
            opened = browser.new_page(viewport={"width": width, "height": height})
            opened.set_default_timeout(patience * 1000)
            yield opened
        finally:
            browser.close()


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["install"]:
        print("usage: python3 -m sandbox.browser install", file=sys.stderr)
        return 2
    try:
        install()
    except (CannotInstall, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 3
    print("chromium is installed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
