"""Hostile URLs. A canary listens on 127.0.0.1 and ::1 and must never be connected to."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import pytest

from bench.hostile.servers import Listener, RawHttp, says
from bench.hostile.urls import LITERALS, MALFORMED, NAMES, RESOLUTIONS, SCHEMES, resolver
from notifications.channels.base.contract import DeliveryError, Envelope, Failure
from notifications.channels.webhook import WebhookChannel
from notifications.channels.webhook.addresses import Rules, canonical, literal
from notifications.failures import Reason
from notifications.states import Outcome

BLOCKED, BAD, SCHEME, DNS = (
    Reason.BLACKLISTED_URL,
    Reason.UNDEFINED_DESTINATION,
    Reason.INVALID_HTTP_PROTOCOL,
    Reason.HTTP_ERROR_WHILE_SENDING,
)


@pytest.fixture
def canary() -> Iterator[Listener]:
    """Nobody may come here."""
    four = Listener()
    yield four
    four.close()
    assert four.connections == 0


def envelope(url: str) -> Envelope:
    return Envelope(
        key=UUID(int=7), destination=url, body="{}", method="POST", content_type="application/json"
    )


def failure(url: str, **options: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        WebhookChannel((), **{"allow_http": True, "deadline": 3.0, **options}).send(envelope(url))
    return caught.value


@pytest.mark.parametrize("url", LITERALS)
def test_addresses_in_every_spelling_are_refused(canary: Listener, url: str) -> None:
    url = url.replace("PORT", str(canary.port))
    error = failure(url)
    assert error.kind == Failure.NEVER
    assert error.reason in (BLOCKED, BAD)
    with pytest.raises(DeliveryError):
        WebhookChannel((), allow_http=True).check(envelope(url))


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_not_a_url_is_refused(canary: Listener, url: str) -> None:
    url = url.replace("PORT", str(canary.port))
    error = failure(url)
    assert error.kind == Failure.NEVER
    assert error.reason in (BAD, SCHEME)
    WebhookChannel().lane(url)  # and does not raise


@pytest.mark.parametrize("url", SCHEMES)
def test_other_schemes_are_refused(canary: Listener, url: str) -> None:
    error = failure(url.replace("PORT", str(canary.port)))
    assert (error.reason, error.kind) == (SCHEME, Failure.NEVER)


def test_plain_http_needs_leave() -> None:
    error = failure("http://example.com/", allow_http=False)
    assert (error.reason, error.kind) == (SCHEME, Failure.NEVER)
    assert "WEBHOOK_ALLOW_HTTP" in error.detail


@pytest.mark.parametrize("host", NAMES)
def test_names_of_this_machine_are_refused_while_connecting(canary: Listener, host: str) -> None:
    error = failure(f"http://{host}:{canary.port}/")
    assert error.reason in (BLOCKED, DNS)  # DNS where the resolver does not know this spelling
    if host.lower() == "localhost":
        assert (error.reason, error.kind) == (BLOCKED, Failure.NEVER)
        assert "localhost" in error.detail
        assert "WEBHOOK_ALLOWED_NETS" in error.detail


# --- Resolvers that lie -------------------------------------------------------------------------------------


@pytest.mark.parametrize("addresses", RESOLUTIONS)
def test_every_resolved_address_is_judged(canary: Listener, addresses: list[str]) -> None:
    error = failure("http://rebind.example/", lookup=resolver(addresses))
    assert (error.reason, error.kind) == (BLOCKED, Failure.NEVER)


def test_what_was_judged_is_what_is_connected_to(canary: Listener) -> None:
    calls: list[str] = []

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        calls.append(host)
        # The first answer leads to an allowed, dead address; a second look-up would lead to the canary.
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.2" if len(calls) == 1 else "127.0.0.1", canary.port))]

    with pytest.raises(DeliveryError) as caught:
        WebhookChannel([ip_network("127.0.0.0/8")], allow_http=True, deadline=1.0, lookup=lookup).send(
            envelope(f"http://rebind.example:{canary.port}/")
        )
    assert caught.value.reason == DNS
    assert calls == ["rebind.example"]


def test_a_second_message_is_judged_anew(canary: Listener) -> None:
    channel = WebhookChannel(
        [ip_network("127.0.0.2/32")],
        allow_http=True,
        deadline=1.0,
        lookup=resolver(["127.0.0.2"], ["127.0.0.1"]),
    )
    url = f"http://rebind.example:{canary.port}/"
    with pytest.raises(DeliveryError) as first:
        channel.send(envelope(url))
    with pytest.raises(DeliveryError) as second:
        channel.send(envelope(url))
    assert (first.value.reason, second.value.reason) == (DNS, BLOCKED)


def test_a_name_that_does_not_resolve_is_retried() -> None:
    def lookup(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    error = failure("http://nowhere.example/", lookup=lookup)
    assert (error.reason, error.kind, error.outcome) == (DNS, Failure.TRANSIENT, Outcome.REFUSED)


def test_a_resolver_that_hangs_is_left_behind() -> None:
    start = time.monotonic()
    error = failure("http://slow.example/", deadline=0.3, lookup=lambda *_, **__: time.sleep(3) or [])
    assert (error.reason, error.outcome) == (DNS, Outcome.REFUSED)
    assert time.monotonic() - start < 2.9


def test_a_port_is_judged_by_the_resolved_address(canary: Listener) -> None:
    error = failure("http://public.example:8080/", lookup=resolver(["93.184.216.34"]))
    assert (error.reason, error.kind) == (BLOCKED, Failure.NEVER)
    assert "8080" in error.detail


# --- What the operator allows -------------------------------------------------------------------------------


def test_an_allowed_net_is_reached_on_any_port() -> None:
    server = RawHttp(says(b"HTTP/1.1 204 X\r\n\r\n"))
    channel = WebhookChannel([ip_network("127.0.0.0/8")], allow_http=True)
    for host in ("127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "2130706433"):
        channel.send(envelope(f"http://{host}:{server.port}/"))
    server.close()
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"]
)
def test_metadata_is_refused_even_where_everything_is_allowed(address: str) -> None:
    assert not Rules([ip_network("0.0.0.0/0"), ip_network("::/0")]).permits(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert Rules().permits(ip_address(address))


def test_one_allowed_net_does_not_open_another() -> None:
    rules = Rules([ip_network("10.1.0.0/16")])
    assert [
        rules.permits(ip_address(address)) for address in ("10.1.2.3", "10.2.0.1", "127.0.0.1", "::1")
    ] == [True, False, False, False]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0x7f.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
        ("1.2.3.4.", "1.2.3.4"),
        ("::1", "::1"),
    ],
)
def test_literals(host: str, address: str) -> None:
    assert literal(host) == ip_address(address)


@pytest.mark.parametrize("host", ["example.com", "1.2.3.4.5", "256.1.1.1", "dead.beef", "0x", ""])
def test_names_are_no_literals(host: str) -> None:
    assert literal(host) is None


def test_the_unspecified_and_the_loopback_address_stay_ipv6() -> None:
    assert canonical(ip_address("::")) == ip_address("::")
    assert canonical(ip_address("::1")) == ip_address("::1")
