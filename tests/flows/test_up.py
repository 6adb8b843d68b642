"""The Prefect server that `meridian up` starts asks who is there; flows, the worker's environment and the reconciler know what to say."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from flows import healing, up
from flows.settings import load
from tests.flows.test_healing import settings_at

CLIENT = """
from prefect import get_client
with get_client(sync_client=True) as client:
    print(client.hello().status_code, client.read_flows())
"""


def test_the_api_of_our_own_server_asks_who_is_there_and_ours_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", up.AUTH_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    settings = settings_at(tmp_path)
    try:
        server = up.ensure_server(settings, say=lambda line: None)
        file = up.folder(settings) / up.AUTH_FILE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        name, _, password = server.auth.partition(":")
        assert name == "meridian" and len(password) == 32 and server.auth not in repr(server)
        asked = {auth: requests.post(f"{server.api}/flows/count", json={}, headers=up.auth_header(auth), timeout=20).status_code
                 for auth in ("", "meridian:wrong", server.auth)}
        assert asked == {"": 401, "meridian:wrong": 401, server.auth: 200}
        prefect = healing.reached(settings)
        assert prefect is not None and prefect.ask("flows/count", {}) == 0 and password not in repr(prefect)
        assert up.ensure_server(settings, say=lambda line: None) == server, "the one that runs"
        with up.pointed_at(server, settings):
            # in a process of its own: Prefect reads its settings once a process
            told = subprocess.run([sys.executable, "-c", CLIENT], env=dict(os.environ), capture_output=True, text=True, timeout=120)
            assert told.stdout == "200 []\n", told.stderr
        assert password not in (up.folder(settings) / "server.log").read_text(encoding="utf-8")
    finally:
        up.down(settings)


@pytest.mark.parametrize("told", [True, False])
def test_who_stays_ends_when_told_to_or_when_a_process_of_ours_ends_and_stops_the_other(tmp_path: Path, told: bool) -> None:
    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n[state]\nhome = "."\n')
    settings = load(tmp_path / "meridian.toml", environment={})
    place = up.folder(settings)
    place.mkdir()
    server, worker = (up.start(place, name, ["sleep", "300"], os.environ) for name in ("server", "worker"))
    program = f"from flows import settings, up\nprint('stays', flush=True)\nprint(up.stay(settings.load({str(settings.path)!r}, environment={{}})) or 'told to')"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as staying:
        assert staying.stdout is not None and staying.stdout.readline() == "stays\n"
        time.sleep(3)
        assert staying.poll() is None and server.is_alive and worker.is_alive
        os.kill(*(staying.pid, signal.SIGTERM) if told else (worker.pid, signal.SIGKILL))
        assert staying.communicate(timeout=120)[0] == ("told to\n" if told else "worker\n")
    assert not server.is_alive and not worker.is_alive
