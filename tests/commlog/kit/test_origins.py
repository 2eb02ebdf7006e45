"""Where a request came from, as proxies say it."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from commlog.kit import origins
from commlog.middleware import TrustedProxyMiddleware
from commlog.models import UserSession
from tests.factories import PASSWORD, viewer

PROXIES = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        *(
            (wrong, None)
            for wrong in (
                "",
                "unknown",
                "_hidden",
                "203.0.113.7:",
                "203.0.113.7:port",
                "203.0.113.7:123456",
                "203.0.113:80",
            )
        ),
        *((wrong, None) for wrong in ("256.1.1.1", "203.0.113.7\0", "1" * 10_000, "example.org", "%", "²")),
        *((wrong, None) for wrong in ("[2001:db8::1", "[203.0.113.7]]", "[]:443")),
    ],
)
def test_an_address_is_read_with_and_without_its_port(text: str, address: str | None) -> None:
    assert origins.parse(text) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::ffff", "2001:db8:1:3::/64"),
        (None, ""),
    ],
)
def test_a_customer_s_addresses_count_as_one(address: str | None, network: str) -> None:
    assert origins.network_of(address) == network


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("198.51.100.1, 203.0.113.7:51234", "203.0.113.7"),
        ("203.0.113.7:1, 10.1.2.3:2, 10.1.2.4:3", "203.0.113.7"),
        ("::ffff:203.0.113.7, ::ffff:10.1.2.3", "203.0.113.7"),
        ("10.1.2.3", "10.1.2.3"),
        # The proxy that wrote the last one did not know; what stands before it came from outside.
        ("198.51.100.1, unknown", "127.0.0.1"),
        ("198.51.100.1, garbage\0:x, 10.1.2.3:2", "10.1.2.3"),
        (",, ,", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_believed(
    rf: RequestFactory, settings: Any, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXY_NETS = PROXIES
    assert _seen(rf, forwarded, REMOTE_ADDR="127.0.0.1") == address
    assert _seen(rf, forwarded, REMOTE_ADDR="::ffff:127.0.0.1") in (address, "::ffff:127.0.0.1")


def test_nobody_else_is_believed(rf: RequestFactory, settings: Any) -> None:
    settings.TRUSTED_PROXY_NETS = PROXIES
    for address in ("192.0.2.1", "", "garbage"):
        assert _seen(rf, "203.0.113.7", REMOTE_ADDR=address) == address


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.7:51234", "203.0.113.7"), ("[2001:db8::1]:443", "2001:db8::1"), ("gar:bage", "127.0.0.1")],
)
def test_signing_in_behind_a_proxy_that_writes_ports(
    client: Client, settings: Any, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXY_NETS = PROXIES
    viewer(username="vera")
    for password, status in (("wrong", 200), (PASSWORD, 302)):
        response = client.post(
            "/sign-in/", {"username": "vera", "password": password}, headers={"X-Forwarded-For": forwarded}
        )
        assert response.status_code == status
    assert UserSession.objects.get().address == address


def _seen(rf: RequestFactory, forwarded: str, **meta: str) -> str:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        assert "HTTP_X_FORWARDED_FOR" not in request.META
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    TrustedProxyMiddleware(view)(rf.get("/", headers={"X-Forwarded-For": forwarded}, **meta))  # type: ignore[arg-type]
    return seen[0]
