"""What the HTTP layer does when the other side misbehaves, and what it never shows to anyone."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import socket
import threading
import traceback
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.rest import Auth, LoopGuard, Rest, Retry, basic, bearer, header
from connectors.stream import Misconfigured, PageLoop, QuotaExhausted, Refused, UnexpectedShape, Unreachable
from tests.connectors.faults import GATEWAY_PAGE, LOGIN_PAGE, Asked, Fault, FaultServer, good

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
SECRET = "s3cr3t-tok3n"


class Sleeper:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))


def rest_to(url: str, sleeper: Sleeper | None = None, *, auth: Auth | None = None, **options: Any) -> Rest:
    sleeper = sleeper or Sleeper()
    options.setdefault("timeout", (2.0, 2.0))
    return Rest(url, source="erp", auth=auth, clock=sleeper.now, sleep=sleeper.sleep, chance=lambda: 1.0, **options)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_passing_server_error_is_asked_again(faults: FaultServer, status: int) -> None:
    faults.plan = [Fault(status=status), Fault(status=status), good({"id": 1})]
    sleeper = Sleeper()
    rest = rest_to(faults.url, sleeper)
    assert rest.get("things", stream="orders") == {"id": 1}
    assert sleeper.slept == [0.5, 1.0], "full jitter with chance 1 waits base * 2**n"
    assert rest.requests_made("orders") == 3


def test_a_lasting_server_error_ends_as_unreachable(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=503, body=b'{"error": "maintenance"}')
    with pytest.raises(Unreachable, match=r"503 for GET /things: maintenance") as caught:
        rest_to(faults.url, retry=Retry(attempts=4)).get("things", stream="orders")
    assert len(faults.asked) == 4
    assert caught.value.retryable and caught.value.stream == "orders"


@pytest.mark.parametrize(("status", "error"), [(400, UnexpectedShape), (401, Refused), (403, Refused), (404, UnexpectedShape), (422, UnexpectedShape)])
def test_a_client_error_is_never_asked_again_and_carries_the_vendors_words(faults: FaultServer, status: int, error: type[Exception]) -> None:
    faults.plan = [Fault(status=status, body=b'{"error": {"title": "Forbidden", "message": "You do not have access to this page"}}')]
    with pytest.raises(error, match="Forbidden: You do not have access to this page"):
        rest_to(faults.url).get("things")
    assert len(faults.asked) == 1


def test_retry_after_in_seconds_is_waited_for(faults: FaultServer) -> None:
    faults.plan = [Fault(status=429, headers={"Retry-After": "7"}), good([1])]
    sleeper = Sleeper()
    assert rest_to(faults.url, sleeper).get("things") == [1]
    assert sleeper.slept == [7.5], "seven seconds and up to one base of jitter, so that waiting processes do not come back together"


def test_retry_after_as_a_date_is_measured_by_the_servers_own_clock(faults: FaultServer) -> None:
    dates = {"Date": "Sat, 01 Aug 2020 10:00:00 GMT", "Retry-After": "Sat, 01 Aug 2020 10:00:09 GMT"}
    faults.plan = [Fault(status=429, headers=dates), good([1])]
    sleeper = Sleeper()
    assert rest_to(faults.url, sleeper).get("things") == [1]
    assert sleeper.slept == [9.5]


def test_a_vendor_without_retry_after_may_say_otherwise_how_long_to_stay_away(faults: FaultServer) -> None:
    faults.plan = [Fault(status=429, body=b'{"policy": "slow"}'), Fault(status=429, headers={"Retry-After": "7"}), good([1])]
    sleeper = Sleeper()
    assert rest_to(faults.url, sleeper, pause=lambda response: {"slow": 30.0}[response.json()["policy"]]).get("things") == [1]
    assert sleeper.slept == [30.5, 7.5], "what the header says counts first; half a second of jitter on top"


def test_429_without_retry_after_backs_off(faults: FaultServer) -> None:
    faults.plan = [Fault(status=429), Fault(status=429), Fault(status=429), good([1])]
    sleeper = Sleeper()
    assert rest_to(faults.url, sleeper).get("things") == [1]
    assert sleeper.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("text", ["soon", "-5", "", "Wed, 99 Foo 2020 99:99:99 GMT"])
def test_an_unreadable_retry_after_is_like_none(faults: FaultServer, text: str) -> None:
    faults.plan = [Fault(status=429, headers={"Retry-After": text}), good([1])]
    sleeper = Sleeper()
    assert rest_to(faults.url, sleeper).get("things") == [1]
    assert sleeper.slept == [0.5]


def test_a_limit_that_lasts_longer_than_our_patience_says_when_to_come_back(faults: FaultServer) -> None:
    faults.plan = [Fault(status=429, headers={"Retry-After": "3600"})]
    sleeper = Sleeper()
    with pytest.raises(QuotaExhausted) as caught:
        rest_to(faults.url, sleeper, retry=Retry(total_wait=60)).get("things")
    assert caught.value.retry_at == NOW + timedelta(hours=1)
    assert sleeper.slept == [], "it does not wait for what it cannot wait out"


def test_waiting_in_small_portions_is_bounded_too(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=429, headers={"Retry-After": "10"})
    sleeper = Sleeper()
    with pytest.raises(QuotaExhausted):
        rest_to(faults.url, sleeper, retry=Retry(total_wait=45)).get("things")
    assert sum(sleeper.slept) <= 45 and len(sleeper.slept) == 4


def test_retry_after_zero_for_ever_still_ends(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=429, headers={"Retry-After": "0"})
    with pytest.raises(QuotaExhausted):
        rest_to(faults.url, retry=Retry(attempts=2)).get("things")
    assert len(faults.asked) == 8


@pytest.mark.parametrize("ending", ["cut", "reset", "hang up"])
def test_a_connection_that_breaks_in_the_middle_is_tried_again(faults: FaultServer, ending: str) -> None:
    body = json.dumps(list(range(50_000))).encode()
    faults.plan = [Fault(body=body, ending=ending), Fault(body=body, ending=ending), Fault(body=body)]
    assert rest_to(faults.url).get("things") == list(range(50_000))
    assert len(faults.asked) == 3


def test_a_torn_page_is_read_again(faults: FaultServer) -> None:
    faults.plan = [Fault(body=b'[{"id": 1}, {"i'), good([{"id": 1}, {"id": 2}])]
    assert rest_to(faults.url).get("things") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("body", [b'[{"id": 1}, {"i', b"\xff\xfe\x00garbage", b"OK", b'{"amount": NaN}', b"[" * 100_000])
def test_what_stays_no_json_is_an_unexpected_shape_after_three_looks(faults: FaultServer, body: bytes) -> None:
    faults.otherwise = lambda asked: Fault(body=body)
    with pytest.raises(UnexpectedShape, match="not whole JSON"):
        rest_to(faults.url).get("things")
    assert len(faults.asked) == 3


@pytest.mark.parametrize("body", [
    b"[18446744073709551616, -9223372036854775809, 18446744073709551615, 9007199254740993]", b"[1234567890123456789.5, -0, -0.0, 0.1, 1E5, 1e400]",
    b'{"id": 1, "id": 2, "number": "1234567890123456789012"}', b'["\\ud800", "\\u0000", "\xf0\x9f\x98\x80"]', b'\xef\xbb\xbf{"id": 1}', '{"id": 1}'.encode("utf-16")])
def test_a_body_is_read_as_the_standard_library_reads_it(faults: FaultServer, body: bytes) -> None:
    faults.plan = [Fault(body=body)]
    assert repr(rest_to(faults.url).get("things")) == repr(json.loads(body))


def test_a_login_page_with_status_200_is_a_refusal(faults: FaultServer) -> None:
    faults.plan = [Fault(body=LOGIN_PAGE, content_type="text/html; charset=utf-8")]
    with pytest.raises(Refused, match="login page"):
        rest_to(faults.url).get("things")


def test_a_redirect_to_a_login_page_is_a_refusal(faults: FaultServer) -> None:
    faults.plan = [Fault(status=302, headers={"Location": "/login"}), Fault(body=LOGIN_PAGE, content_type="text/html")]
    with pytest.raises(Refused, match="login page"):
        rest_to(faults.url).get("things")


def test_some_other_web_page_is_looked_at_again_and_then_named(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=GATEWAY_PAGE, content_type="text/html")
    with pytest.raises(UnexpectedShape, match="Welcome to nginx"):
        rest_to(faults.url).get("things")
    assert len(faults.asked) == 3


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(ending="hang up"), Fault(status=429, headers={"Retry-After": "1"})])
def test_a_write_is_not_sent_twice_unless_declared_idempotent(faults: FaultServer, fault: Fault) -> None:
    faults.plan = [fault]
    with pytest.raises((Unreachable, QuotaExhausted)):
        rest_to(faults.url).request("POST", "things", json={"a": 1})
    assert len(faults.asked) == 1
    faults.plan = [fault, good({"id": 5})]
    assert rest_to(faults.url).request("POST", "things", json={"a": 1}, idempotent=True).json == {"id": 5}
    assert faults.asked[-1].body == b'{"a": 1}'


def test_nobody_listening_is_unreachable_after_all_attempts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sleeper = Sleeper()
    with pytest.raises(Unreachable, match="refused") as caught:
        rest_to(f"http://127.0.0.1:{port}", sleeper).get("things")
    assert len(sleeper.slept) == 5
    assert "HTTPConnectionPool" not in str(caught.value), "a person reads this"


def test_a_silent_server_runs_into_the_read_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(Unreachable, match="timed out"):
            rest_to(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=(0.2, 0.05), retry=Retry(attempts=2)).get("things")


def test_a_dripping_server_runs_into_the_bound_for_the_whole_answer(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(body=b'"' + b"x" * 300_000 + b'"')
    moments = iter(range(10_000))
    rest = Rest(faults.url, source="erp", timeout=(2.0, 2.0), clock=lambda: NOW + timedelta(seconds=15 * next(moments)), sleep=lambda seconds: None)
    with pytest.raises(Unreachable, match="not complete after 20 s"):
        rest.get("things")


def test_an_answer_beyond_the_size_bound_is_refused_even_when_it_is_small_on_the_wire(faults: FaultServer) -> None:
    bomb = gzip.compress(b'"' + b"0" * 2_000_000 + b'"')
    assert len(bomb) < 10_000
    faults.plan = [Fault(body=bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(UnexpectedShape, match="more than 100000 bytes"):
        rest_to(faults.url, max_bytes=100_000).get("things")


def stolen(asked: list[Asked]) -> str:
    return json.dumps([[one.path, one.headers] for one in asked])


@pytest.mark.parametrize("auth", [bearer(SECRET), basic("me@example.com/token", SECRET), header("X-Api-Key", SECRET)])
def test_a_redirect_to_another_host_carries_no_credentials(faults: FaultServer, auth: Auth) -> None:
    with FaultServer().running() as other:
        other.otherwise = lambda asked: good({"from": "elsewhere"})
        faults.plan = [Fault(status=302, headers={"Location": other.url + "/signed?x=1", "Set-Cookie": f"session={SECRET}; Path=/"})]
        rest = rest_to(faults.url, auth=auth)
        assert rest.get("things") == {"from": "elsewhere"}
        assert auth.value in json.dumps(faults.asked[0].headers)
        assert SECRET not in stolen(other.asked) and auth.value not in stolen(other.asked)
        assert "Authorization" not in other.asked[0].headers and "Cookie" not in other.asked[0].headers


def test_a_foreign_host_cannot_send_us_back_home_with_credentials(faults: FaultServer) -> None:
    with FaultServer().running() as other:
        other.plan = [Fault(status=302, headers={"Location": faults.url + "/delete-everything"})]
        faults.plan = [Fault(status=302, headers={"Location": other.url})]
        rest_to(faults.url, auth=bearer(SECRET)).get("things")
    assert faults.asked[1].path == "/delete-everything" and "Authorization" not in faults.asked[1].headers


def test_a_redirect_at_home_keeps_the_credentials(faults: FaultServer) -> None:
    faults.plan = [Fault(status=301, headers={"Location": "/api/v2/things"}), good({"id": 1})]
    assert rest_to(faults.url, auth=bearer(SECRET)).get("things") == {"id": 1}
    assert faults.asked[1].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_write_is_never_redirected(faults: FaultServer) -> None:
    with FaultServer().running() as other:
        faults.plan = [Fault(status=307, headers={"Location": other.url})]
        with pytest.raises(UnexpectedShape, match="POST was redirected"):
            rest_to(faults.url).request("POST", "things", json={"customer": "x"})
        assert other.asked == []


def test_redirects_in_a_ring_end(faults: FaultServer) -> None:
    faults.otherwise = lambda asked: Fault(status=302, headers={"Location": "/again"})
    with pytest.raises(UnexpectedShape, match="more than 5 times"):
        rest_to(faults.url).get("things")


def test_a_page_link_to_another_host_is_refused_before_anything_is_sent(faults: FaultServer) -> None:
    with pytest.raises(UnexpectedShape, match=r"evil\.example"):
        rest_to(faults.url, auth=bearer(SECRET)).get("https://evil.example/api?page=2")
    assert rest_to(faults.url).get(faults.url + "/api?page=2") == {"fine": True}


def test_a_netrc_file_does_not_replace_our_credentials(faults: FaultServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password oops\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    rest_to(faults.url, auth=bearer(SECRET)).get("things")
    assert faults.asked[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_our_own_machine_is_never_reached_through_a_proxy(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert rest_to(faults.url).get("things") == {"fine": True}


@pytest.mark.parametrize("auth", [bearer(SECRET), basic("me", SECRET), header("X-Api-Key", SECRET, prefix="key ")])
def test_a_secret_is_shown_nowhere(faults: FaultServer, auth: Auth, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"error": f"token {auth.value} has expired"}).encode()
    texts = [repr(auth), str(auth)]
    failures: list[Callable[[Rest], Any]] = [lambda rest: rest.get("things"), lambda rest: rest.get(f"things/{SECRET}")]
    for fault in (Fault(status=401, body=echo), Fault(status=500, body=echo), Fault(status=400, body=echo), Fault(body=echo[:-5]), Fault(ending="hang up")):
        for fail in failures:
            faults.plan = [fault] * 3
            rest = rest_to(faults.url, auth=auth, retry=Retry(attempts=3))
            texts += [repr(rest), str(rest)]
            try:
                fail(rest)
                raise AssertionError("this must fail")
            except (Refused, Unreachable, UnexpectedShape):
                texts.append(traceback.format_exc())
    own_log = [record.getMessage() for record in caplog.records if record.name.startswith("connectors")]
    encoded = base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert own_log
    assert not [text for text in [*texts, *own_log] if SECRET in text or encoded in text]


@pytest.mark.parametrize(("url", "options", "message"), [
    ("ftp://example.com", {}, "not an http"),
    ("example.com", {}, "not an http"),
    ("https://me:pw@example.com", {}, "url contains credentials"),
    ("http://example.com", {}, "plain http"),
    ("https://example.com", {"verify": False}, "cannot be switched off"),
])
def test_an_address_that_would_give_secrets_away_is_misconfigured(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        Rest(url, source="erp", **options)
    assert ":pw" not in str(caught.value)


def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path: Any) -> None:
    import ssl
    import subprocess

    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-days", "1",
                           "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl is not installed")
    server = FaultServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    with server.running():
        with pytest.raises(Unreachable, match="certificate verify failed"):
            rest_to(url).get("things")
        assert rest_to(url, verify=str(tmp_path / "cert")).get("things") == {"fine": True}


def test_requests_are_counted_per_stream_from_many_threads(faults: FaultServer) -> None:
    rest = rest_to(faults.url)
    threads = [threading.Thread(target=lambda name=name: [rest.get("things", stream=name) for _ in range(20)]) for name in ("a", "b", "a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (rest.requests_made("a"), rest.requests_made("b"), rest.requests_made("c")) == (40, 20, 0)


class Booked:
    """A quota that notes what is asked of it."""

    def __init__(self) -> None:
        self.held: list[float] = []
        self.reserved = 0

    def reserve(self, *, at_most: float) -> float:
        self.reserved += 1
        return 2.0

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)


def test_every_attempt_takes_a_place_in_the_quota_and_a_429_is_told_to_it(faults: FaultServer) -> None:
    quota, sleeper = Booked(), Sleeper()
    faults.plan = [Fault(status=429, headers={"Retry-After": "9"}), good([1])]
    rest_to(faults.url, sleeper, quota=quota).get("things")
    assert quota.reserved == 2 and quota.held == [9.0]
    assert sleeper.slept == [2.0, 9.5, 2.0]


def test_an_endpoints_own_limit_counts_beside_the_sources_general_one(faults: FaultServer) -> None:
    general, own, sleeper = Booked(), Booked(), Sleeper()
    faults.plan = [Fault(status=429, headers={"Retry-After": "9"}), good([1])]
    rest_to(faults.url, sleeper, quota=general).get("things", quota=own)
    assert (general.reserved, own.reserved) == (2, 2) and (general.held, own.held) == ([], [9.0])
    assert sleeper.slept == [2.0, 9.5, 2.0], "both waits are one"


def test_headers_of_our_own_do_not_follow_a_redirect_to_another_host(faults: FaultServer) -> None:
    with FaultServer().running() as other:
        faults.plan = [Fault(status=302, headers={"Location": other.url.replace("127.0.0.1", "localhost") + "/x"})]
        rest_to(faults.url, auth=bearer(SECRET), headers={"X-Account": SECRET}).get("things")
        assert SECRET not in stolen(other.asked)


@pytest.mark.parametrize("times", [1, 2])
def test_a_body_packed_again_and_again_is_bounded_by_what_comes_out(faults: FaultServer, times: int) -> None:
    bomb = b'"' + b"0" * 50_000_000 + b'"'
    for _ in range(times):
        bomb = gzip.compress(bomb)
    faults.plan = [Fault(body=bomb, headers={"Content-Encoding": ", ".join(["gzip"] * times)})]
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedShape, match="more than 1000000 bytes"):
            rest_to(faults.url, max_bytes=1_000_000).get("things")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000, "it is let go before it is unpacked"
    finally:
        tracemalloc.stop()


def test_an_error_page_is_bounded_as_well(faults: FaultServer) -> None:
    faults.plan = [Fault(status=404, body=gzip.compress(b"x" * 2_000_000), headers={"Content-Encoding": "gzip"})]
    with pytest.raises(UnexpectedShape, match="more than 100000 bytes"):
        rest_to(faults.url, max_bytes=100_000).get("things")


def test_an_empty_answer_is_none(faults: FaultServer) -> None:
    faults.plan = [Fault(status=204, body=b"")]
    assert rest_to(faults.url).get("things") is None


def test_a_status_the_caller_understands_is_handed_over(faults: FaultServer) -> None:
    faults.plan = [Fault(status=404, body=b'{"error": "RecordNotFound"}')]
    answer = rest_to(faults.url).request("GET", "things/7", allow={404})
    assert answer.status == 404 and answer.json == {"error": "RecordNotFound"}


def test_a_page_token_that_comes_again_is_a_page_loop() -> None:
    guard = LoopGuard(source="erp", stream="orders")
    guard.see({"cursor": "a"}, [1])
    guard.see({"cursor": "b"}, [2])
    with pytest.raises(PageLoop, match="already read"):
        guard.see({"cursor": "a"}, [3])


def test_an_offset_that_the_server_ignores_is_a_page_loop() -> None:
    guard = LoopGuard(source="erp", stream="orders")
    guard.see(0, [{"id": 1}])
    with pytest.raises(PageLoop, match="same 1 records"):
        guard.see(100, [{"id": 1}])


@pytest.mark.parametrize(("following", "is_loop"), [
    ([0, 1, 2, 3, 4], True), ([0, 1, 2, 3, 9], False), ([0, 1, 9, 3, 4], False), ([9, 1, 2, 3, 4], False), ([0, 1, 2, 4], False)])
def test_a_page_is_the_one_before_when_length_and_first_middle_and_last_record_are(following: list[int], is_loop: bool) -> None:
    guard = LoopGuard(source="erp", stream="orders")
    guard.see(0, [{"id": number, "big": 2**70} for number in range(5)])
    with pytest.raises(PageLoop) if is_loop else nullcontext():
        guard.see(5, [{"big": 2**70, "id": number} for number in following])


def test_pages_without_end_are_a_page_loop() -> None:
    guard = LoopGuard(source="erp", stream="orders", most=3)
    for page in range(3):
        guard.see(page)
    with pytest.raises(PageLoop, match="more than 3 pages"):
        guard.see(3)
