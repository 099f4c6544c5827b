"""Calls to foreign addresses stay outside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
import trustme

from jobs import outbound
from jobs.outbound import Guard, OutboundFailed, OutboundRefused, Reply
from jobs.settings import Settings, use_settings
from tests.tasks.conftest import Answer, Sites, resolving, tls

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def call(url: str, *, method: str = "GET", seconds: float = 5, max_bytes: int = 1000, **extra: object) -> Reply:
    async def go() -> Reply:
        async with outbound.client(seconds=seconds) as client:
            request = client.build_request(method, url, **extra)  # type: ignore[arg-type]  # headers and content
            return await outbound.send(client, request, seconds=seconds, max_bytes=max_bytes)

    return asyncio.run(go())


def allow(settings: Settings, *entries: str) -> None:
    values = settings.model_dump() | {"NIGHTSHIFT_ENV": "test", "outbound_allow": entries}
    use_settings(Settings.model_validate(values))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",  # metadata of Alibaba Cloud
        "169.254.169.254",  # metadata of most clouds
        "168.63.129.16",  # metadata of Azure, a public address
        "192.0.0.192",  # metadata of Oracle Cloud
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fc00::1",
        "fd00:ec2::254",  # metadata of AWS over IPv6
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not outbound.is_public(ip_address(address))
    with pytest.raises(OutboundRefused, match="not a public address"):
        Guard().check_url(f"http://[{address}]/" if ":" in address else f"http://{address}/")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_called(address: str) -> None:
    assert outbound.is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "example.com", "http://", "http://a:99999/"],
)
def test_only_web_addresses_are_called(url: str) -> None:
    with pytest.raises(OutboundRefused):
        Guard().check_url(url)


@pytest.mark.parametrize("port", [22, 25, 993])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(OutboundRefused, match=f"port {port}"):
        Guard().check_url(f"http://example.com:{port}/")


def test_ports_of_the_web_are_called() -> None:
    for port in (80, 443, 8080, 8443):
        Guard().check_url(f"https://example.com:{port}/hook")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_this_machine_is_called(host: str, site: Sites, settings: Settings) -> None:
    server = site(lambda asked: Answer(body=b"secret"))
    with pytest.raises((OutboundRefused, OutboundFailed)) as caught:
        call(f"http://{host}:{server.port}/")
    assert caught.type is OutboundRefused or "resolved" in str(caught.value)
    assert server.asked == []


def test_a_name_that_leads_inside_is_refused(site: Sites, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    server = site(lambda asked: Answer(body=b"secret"))
    with resolving(monkeypatch, "127.0.0.1"), pytest.raises(OutboundRefused, match=r"hooks.example.com is 127.0.0.1"):
        call(f"http://hooks.example.com:{server.port}/")
    assert server.asked == []


def test_a_name_is_resolved_once_and_that_address_is_called(
    site: Sites, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer would lead elsewhere: nobody asks for it."""
    allow(settings, "127.0.0.1/32")
    server = site(lambda asked: Answer(body=b"hello"))
    with resolving(monkeypatch, "127.0.0.1", "127.0.0.9") as asked:
        reply = call(f"http://hooks.example.com:{server.port}/x")
    assert reply.body == b"hello"
    assert asked == ["hooks.example.com"]
    assert server.asked[0].headers["Host"] == f"hooks.example.com:{server.port}"


def test_a_host_may_be_allowed_by_name(site: Sites, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(settings, "Hooks.Example.com")
    server = site(lambda asked: Answer(body=b"hello"))
    with resolving(monkeypatch, "127.0.0.1"):
        assert call(f"http://hooks.example.com:{server.port}/").status == 200
        with pytest.raises(OutboundRefused):
            call(f"http://other.example.com:{server.port}/")


def test_the_certificate_is_that_of_the_name_not_of_the_address(
    site: Sites, outward: Settings, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = site(lambda asked: Answer(body=b"hello"), tls(authority, "hooks.example.com"))
    with resolving(monkeypatch, "127.0.0.1"):
        assert call(f"https://hooks.example.com:{server.port}/").body == b"hello"
        with pytest.raises(OutboundFailed, match=r"other.example.com"):
            call(f"https://other.example.com:{server.port}/")
    assert len(server.asked) == 1


def test_a_redirect_that_leads_inside_is_refused(
    site: Sites, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(settings, "hooks.example.com")
    inside = site(lambda asked: Answer(body=b"secret"))
    server = site(lambda asked: Answer(302, headers={"Location": f"{inside.url}/latest/meta-data"}))
    with resolving(monkeypatch, "127.0.0.1"), pytest.raises(OutboundRefused, match=r"127.0.0.1 is not a public"):
        call(f"http://hooks.example.com:{server.port}/")
    assert inside.asked == []


def test_headers_of_the_caller_do_not_follow_to_another_host(site: Sites, outward: Settings) -> None:
    other = site(lambda asked: Answer(body=b"hello"))
    server = site(lambda asked: Answer(307, headers={"Location": f"{other.url}/there"}))
    reply = call(server.url, method="POST", headers={"X-Api-Key": "k", "Webhook-Id": "1"}, content=b"body")
    assert (reply.status, reply.url) == (200, f"{other.url}/there")
    arrived = other.asked[0]
    assert (arrived.method, arrived.body) == ("POST", b"body")
    assert "X-Api-Key" not in arrived.headers
    assert "webhook-id" in {name.lower() for name in arrived.headers}
    assert server.asked[0].headers["X-Api-Key"] == "k"


def test_a_post_does_not_become_a_get(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: Answer(302, headers={"Location": "/elsewhere"}))
    assert call(server.url, method="POST", content=b"body").status == 302
    assert [asked.method for asked in server.asked] == ["POST"]


def test_a_redirect_may_not_leave_https(site: Sites, outward: Settings, authority: trustme.CA) -> None:
    plain = site(lambda asked: Answer(body=b"hello"))
    server = site(lambda asked: Answer(302, headers={"Location": plain.url}), tls(authority, "127.0.0.1"))
    with pytest.raises(OutboundRefused, match="from https to http"):
        call(server.url)
    assert plain.asked == []


def test_redirects_in_a_circle_end(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: Answer(302, headers={"Location": "/again"}))
    with pytest.raises(OutboundFailed, match="more than 5 times"):
        call(server.url)
    assert len(server.asked) == 6


def test_a_long_answer_is_cut(site: Sites, outward: Settings) -> None:
    server = site(lambda asked: Answer(body=b"x" * 100_000))
    reply = call(server.url, max_bytes=1000)
    assert (len(reply.body), reply.complete) == (1000, False)


def test_an_answer_that_drips_is_given_up_in_time(site: Sites, outward: Settings) -> None:
    """Each byte comes in time, the whole does not."""
    given_up = threading.Event()

    def drip() -> Iterator[bytes]:
        while not given_up.wait(0.05):
            yield b"x"

    server = site(lambda asked: Answer(headers={"Content-Length": "1000"}, slowly=drip()))
    started = time.monotonic()
    with pytest.raises(OutboundFailed, match=r"within 0\.3 s"):
        call(server.url, seconds=0.3)
    given_up.set()
    assert time.monotonic() - started < 2


def test_a_proxy_of_the_environment_is_not_asked(
    site: Sites, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = site(lambda asked: Answer(body=b"by proxy"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    with pytest.raises(OutboundRefused):
        call("http://127.0.0.1:8080/")
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert outbound.retry_after({"retry-after": value}, NOW) == seconds
