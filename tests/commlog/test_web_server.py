"""Long addresses over the web server of production, which has limits of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_urlsafe

import pytest

ROOT = Path(__file__).parents[2]
_PRODUCTION = {"DEBUG": "0", "SECRET_KEY": token_urlsafe(50), "SECRETS_KEY": token_urlsafe(50), "PUBLIC_URL": "https://commlog.example.org"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a gunicorn that was started as README says."""
    place = tmp_path_factory.mktemp("web")
    given = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    given |= _PRODUCTION | {"DATABASE_URL": f"sqlite:///{place}/db.sqlite3"}
    command = [sys.executable, "-m", "gunicorn", "commlog.wsgi", "--bind", "127.0.0.1:0", "--workers", "1", "--no-control-socket"]
    with subprocess.Popen(command, cwd=ROOT, env=given, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        for line in server.stderr:
            if "Listening at" in line:
                yield int(line.partition("127.0.0.1:")[2].split()[0])
                break
        else:
            pytest.fail("gunicorn did not start")
        server.terminate()


def _asked(port: int, query: str, **headers: str) -> tuple[int, str]:
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    line.request("GET", f"/healthz?{query}", headers={"Host": "commlog.example.org", "X-Forwarded-Proto": "https"} | headers)
    answer = line.getresponse()
    return answer.status, answer.read().decode()


def test_an_address_as_long_as_any_of_ours_is_read(port: int) -> None:
    long = "x" * 39_900
    assert _asked(port, long, Referer=f"https://commlog.example.org/communications/?{long}")[0] == 200


def test_a_longer_one_is_answered_in_words(port: int) -> None:
    status, page = _asked(port, "x" * 60_000)
    assert status == 414
    assert "It has 60,008 characters. Commlog reads addresses of up to 40,000" in page
