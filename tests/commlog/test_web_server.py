"""Long addresses over the web server of production, which has limits of its own."""

import os
from collections.abc import Iterator
from http.client import HTTPConnection
from secrets import token_urlsafe

import pytest

from tests.web_server import gunicorn

_PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": token_urlsafe(50),
    "SECRETS_KEY": token_urlsafe(50),
    "PUBLIC_URL": "https://commlog.example.org",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a gunicorn that was started as docs/operate.md says."""
    place = tmp_path_factory.mktemp("web")
    given = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    given |= _PRODUCTION | {"DATABASE_URL": f"sqlite:///{place}/db.sqlite3"}
    with gunicorn("commlog.wsgi", "--workers", "1", environment=given) as port:
        yield port


def _asked(port: int, query: str, **headers: str) -> tuple[int, str]:
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    line.request(
        "GET",
        f"/healthz?{query}",
        headers={"Host": "commlog.example.org", "X-Forwarded-Proto": "https"} | headers,
    )
    answer = line.getresponse()
    return answer.status, answer.read().decode()


def test_an_address_as_long_as_any_of_ours_is_read(port: int) -> None:
    long = "x" * 39_900
    assert _asked(port, long, Referer=f"https://commlog.example.org/communications/?{long}")[0] == 200


def test_a_longer_one_is_answered_in_words(port: int) -> None:
    status, page = _asked(port, "x" * 60_000)
    assert status == 414
    assert "It has 60,008 characters. The limit is 40,000" in page
