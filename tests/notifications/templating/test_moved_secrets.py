"""Stored secrets of a webhook stay with the server that they were stored for."""

from copy import copy

import pytest

from notifications.models import NotificationTemplate
from notifications.secrets.sealed import seal
from notifications.states import MessageType
from notifications.templating.moving import drop, moved_secrets


def _template(url: str) -> NotificationTemplate:
    headers = {"X-Token": seal("s3cret"), "X-Source": "core"}
    return NotificationTemplate(
        type=MessageType.WEB_HOOK,
        destination=url,
        headers=headers,
        auth_username="bank",
        auth_password=seal("hunter2"),
    )


def _led_to(
    url: str, *, stored: str = "https://hooks.example.org/in/{CLIENT_ID}"
) -> tuple[NotificationTemplate, NotificationTemplate]:
    before = _template(stored)
    after = copy(before)
    after.destination = url
    return before, after


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/other?a={AMOUNT}",
        "HTTPS://Hooks.Example.ORG:443/in",
        "https://hooks.example.org./in",
        "https://hooks.example.org#x",
    ],
)
def test_another_spelling_of_the_same_server_keeps_them(url: str) -> None:
    assert moved_secrets(*_led_to(url)) == {}


@pytest.mark.parametrize(
    ("stored", "url"),
    [
        ("https://bücher.example/", "https://xn--bcher-kva.example/a"),
        ("https://[2001:db8::1]/", "https://[2001:0DB8:0:0::1]:443/"),
    ],
)
def test_names_and_addresses_are_compared_as_they_are_called(stored: str, url: str) -> None:
    assert moved_secrets(*_led_to(url, stored=stored)) == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/in",
        "http://hooks.example.org/in",
        "https://hooks.example.org:8443/in",
        "http://hooks.example.org:443/in",
        "https://hooks.example.org.evil.example/in",
        "https://evil.example/https://hooks.example.org/in",
        "https://evil.example#@hooks.example.org/in",
        "https://hooks.example.org@evil.example/in",
        "https://bank:x@hooks.example.org/in",
        "https://{CLIENT_ID}/in",
        "https://hooks.example.org{CLIENT_ID}/in",
        "https://hooks.example.org\\@evil.example/",
        "https:evil.example",
        "https://hööks.example.org/in",
        "",
    ],
)
def test_another_server_or_a_url_that_cannot_be_read_gets_none(url: str) -> None:
    before, after = _led_to(url)
    assert moved_secrets(before, after) == {"auth_password": [], "headers": ["X-Token"]}
    drop(after, moved_secrets(before, after))
    assert (after.auth_username, after.auth_password, after.headers) == ("", "", {"X-Source": "core"})
    assert (before.auth_username, list(before.headers)) == ("bank", ["X-Token", "X-Source"])


def test_what_is_given_anew_or_removed_moves_nothing() -> None:
    before, after = _led_to("https://new.example.org/")
    after.auth_password = seal("hunter2")
    after.headers = {"X-Token": seal("s3cret"), "X-Source": "core"}
    assert moved_secrets(before, after) == {}
    after.auth_password, after.headers = "", {}
    assert moved_secrets(before, after) == {}


def test_a_secret_under_another_name_is_the_same_secret() -> None:
    before, after = _led_to("https://new.example.org/")
    after.auth_password, after.headers = "", {"X-Key": before.headers["X-Token"]}
    assert moved_secrets(before, after) == {"headers": ["X-Key"]}
