"""Rates, clocks, figures, forms and the documented file, each by itself."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.errors import InvalidArgument, MalformedHttpRequest, RateExceeded
from eds.http import Response
from eds.http.clientcertificates import PEER, TrustedProxies
from eds.http.clocks import WatchedClock
from eds.http.metrics import Board, Counter, Gauge, Worker, text_of
from eds.http.multipart import MOST_PARTS, read_multipart
from eds.http.rates import RateLimit
from eds.http.settings import read_http_settings
from tests.ca.hierarchy import NOON

ROOT = Path(__file__).parents[2]


class Steady:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def let(limit: RateLimit, address: str) -> bool:
    try:
        limit(address)
    except RateExceeded as refused:
        return refused.retry_after < 1
    return True


def test_an_address_has_its_burst_and_then_its_rate() -> None:
    clock = Steady()
    limit = RateLimit(per_minute=60, burst=3, clock=clock)
    assert [let(limit, "192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    assert let(limit, "192.0.2.2")
    clock.now = 1.0
    assert [let(limit, "192.0.2.1") for _ in range(2)] == [True, False]
    clock.now = 1000.0
    assert [let(limit, "192.0.2.1") for _ in range(4)] == [True, True, True, False]


def test_addresses_of_one_network_of_ipv6_are_one() -> None:
    limit = RateLimit(per_minute=1, burst=1, clock=Steady())
    assert let(limit, "2001:db8::1")
    assert not let(limit, "2001:db8::ffff:2")
    assert let(limit, "2001:db8:0:1::1")
    assert let(limit, "::ffff:192.0.2.1")
    assert let(limit, "::ffff:192.0.2.2")


def test_addresses_without_number_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eds.http.rates._MOST", 100)
    limit = RateLimit(per_minute=1, burst=1, clock=Steady())
    for number in range(1000):
        limit(f"192.0.2.{number}")
    assert len(limit._buckets) <= 100


def test_a_clock_that_is_set_is_in_doubt_from_then_on() -> None:
    steady = Steady()
    wall = [NOON]
    clock = WatchedClock(
        uncertainty=timedelta(milliseconds=500), clock=lambda: wall[0], steady=steady
    )
    for _ in range(10):
        steady.now += 1
        wall[0] += timedelta(seconds=1.0004)  # as a clock is slewed
        assert clock.read().in_doubt is None
    wall[0] += timedelta(seconds=1)
    assert clock.read().in_doubt is not None
    wall[0] -= timedelta(seconds=1)
    assert clock.read().in_doubt is not None


def test_a_clock_before_what_has_passed_is_in_doubt() -> None:
    clock = WatchedClock(
        uncertainty=timedelta(seconds=1), floor=NOON, clock=lambda: NOON - timedelta(days=1)
    )
    assert clock.in_doubt is not None


def board() -> Board:
    return Board(
        doors=("a", "b"),
        counters=[Counter(name="eds_x_total", help="X.", label="kind", values=("p", "q"))],
        gauges=[Gauge(name="eds_y", help="Y.", scale=0.5)],
        workers=2,
    )


def test_figures_are_added_up_over_workers_and_gauges_are_not() -> None:
    made = board()
    hands = [Worker(made, number=number) for number in range(2)]
    for hand in hands:
        hand.observe("a", 200, 0.0004)
        hand.observe("a", 418, 100.0)
        hand.observe("elsewhere", 404, 0.003)
        hand.counting("eds_x_total")("q")
        hand.set("eds_y", 2.5 + hand.number)
    text = text_of(made)
    for line in (
        'eds_http_requests_total{door="a",status="200"} 2',
        'eds_http_requests_total{door="a",status="other"} 2',
        'eds_http_requests_total{door="-",status="404"} 2',
        'eds_http_request_seconds_bucket{door="a",le="0.0005"} 2',
        'eds_http_request_seconds_bucket{door="a",le="10.0"} 2',
        'eds_http_request_seconds_bucket{door="a",le="+Inf"} 4',
        'eds_http_request_seconds_count{door="a"} 4',
        'eds_x_total{kind="p"} 0',
        'eds_x_total{kind="q"} 2',
        'eds_y{worker="0"} 2.5',
        'eds_y{worker="1"} 3.5',
    ):
        assert line in text.splitlines()
    assert '{door="b"' not in text


def test_every_line_is_one_of_the_format() -> None:
    made = board()
    Worker(made).observe("a", 200, 0.1)
    sample = re.compile(r'[a-z_]+\{([a-z]+="[^"\n]*",?)+\} \d+(\.\d+)?(e-\d+)?')
    for line in text_of(made).splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


FORM = b"multipart/form-data; boundary=xyz"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%s"; filename="a\xc3\xa9.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%s\r\n" % (name.encode(), value)
        for name, value in parts
    )
    return body + b"--xyz--\r\n"


@given(st.lists(st.tuples(st.sampled_from(["document", "signature"]), st.binary()), max_size=5))
def test_a_form_is_read_as_it_was_written(parts: list[tuple[str, bytes]]) -> None:
    if any(b"\r\n--xyz" in value or value.startswith(b"--xyz") for _, value in parts):
        return
    if not parts:
        return
    assert list(map(tuple, read_multipart(form(*parts), content_type=FORM))) == parts


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--xyz", b"--xyz\r\n", b"--abc--", b"x" + form(("document", b"a")),
        b"--xyz\r\n\r\n\r\n--xyz--", b"--xyz\r\nContent-Disposition: form-data\r\n\r\na\r\n--xyz--",
        b'--xyz\r\nContent-Disposition: form-data; name="a b"\r\n\r\na\r\n--xyz--',
        form(*[("document", b"")] * (MOST_PARTS + 1)),
        form(("document", b"a")).replace(b"Content-Type", b"X: " + b"a" * 5000, 1),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedHttpRequest):
        read_multipart(body, content_type=FORM)


@given(st.binary(max_size=300))
def test_no_form_can_do_more_than_be_refused(body: bytes) -> None:
    for text in (body, b"--xyz" + body, b"--xyz\r\n" + body):
        try:
            read_multipart(text, content_type=FORM)
        except MalformedHttpRequest:
            continue


@pytest.mark.parametrize("kind", [b"", b"multipart/form-data", b"multipart/form-data; boundary="])
def test_a_form_without_a_boundary_is_refused(kind: bytes) -> None:
    with pytest.raises(MalformedHttpRequest):
        read_multipart(form(("document", b"a")), content_type=kind)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\r"])
def test_no_header_can_hold_another(value: bytes) -> None:
    with pytest.raises(InvalidArgument):
        Response(headers=((b"location", value),))


def test_the_documented_file_is_one() -> None:
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    settings = read_http_settings(text.encode(), file="serve.toml")
    assert settings.server.workers == 2
    assert settings.timestamps is not None
    assert settings.verify is not None


def test_a_proxy_is_known_by_the_connection_and_by_nothing_that_it_says() -> None:
    proxies = TrustedProxies(["10.0.0.0/8"])
    claimed = ("10.0.0.1", 0)
    assert proxies.sent({PEER: claimed, "client": ("192.0.2.1", 0)})
    for peer in (None, ("192.0.2.1", 0)):  # None: a socket of the file system
        assert not proxies.sent({PEER: peer, "client": claimed})
