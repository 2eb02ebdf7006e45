"""A clerk of an installation, who signs in, reads pages and presses buttons over HTTP."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlencode

from bench.installation import Installation, production
from bench.sign_ins import NAME, PASSWORD, served

_TAG = re.compile(r"<[^>]*>")
_ROW = re.compile(r"<(?:li|tr|h2)\b.*?</(?:li|tr|h2)>", re.DOTALL)
_FORM = re.compile(r'<form method="post" action="([^"]*/incidents/[^"]*/resend/)".*?</form>', re.DOTALL)
# A tick is not set.
_FIELD = re.compile(r'<input(?![^>]*checkbox)[^>]* name="([^"]+)" value="([^"]*)"')
_NUMBER = re.compile(r"<li><b>([0-9,]+)</b> ([^<:,]+)")
_EVERY = 3.0  # seconds between looks
# What an administrator sees of lanes that fail.
_PAGES = ("/", "/communications/", "/incidents/", "/administration/channels/")


class Clerk:
    """A signed-in clerk. `actions`: links followed and buttons pressed since `begin`."""

    def __init__(self, port: int) -> None:
        self._port, self._cookies, self.actions = port, dict[str, str](), 0
        page = self.read("/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        self._ask("POST", "/sign-in/", csrfmiddlewaretoken=token[1], username=NAME, password=PASSWORD)

    def read(self, path: str) -> str:
        """Return the page at a path."""
        return self._ask("GET", path)

    def begin(self) -> str:
        """Return the dashboard, and count actions from here."""
        self.actions = 0
        return self.read("/")

    def open_incident(self, dashboard: str) -> str:
        """Follow the dashboard's link to the newest incident and return its page."""
        link = re.search(r'<ul class="incidents".*?href="([^"]+)"', dashboard, re.DOTALL)
        assert link, "the dashboard leads to the incident"
        self.actions += 1
        return self.read(link[1])

    def resend(self, incident: str, **fields: str) -> None:
        """Press the button of the incident's page."""
        form = _FORM.search(incident)
        assert form, "the page of the incident has its action"
        assert "disabled>Resend" not in form[0], "there is something to resend"
        self.actions += 1
        self._ask("POST", form[1], **dict(_FIELD.findall(form[0])) | fields)

    def _ask(self, method: str, path: str, **fields: str) -> str:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
            if fields:
                headers |= {"Content-Type": "application/x-www-form-urlencoded"}
                headers |= {"Referer": f"http://127.0.0.1:{self._port}/"}
            connection.request(method, path, urlencode(fields) if fields else None, headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            assert answer.status == (302 if fields else 200), (path, answer.status)
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self._cookies[name] = value
            return body
        finally:
            connection.close()


def numbers(incident: str) -> dict[str, int]:
    """Return the figures of an incident's page by their labels."""
    return {words.strip(): int(number.replace(",", "")) for number, words in _NUMBER.findall(incident)}


def works(page: str, lanes: list[str]) -> list[str]:
    """Return the lines of a page that say that these lanes, or their channels, are working.

    Lanes that send alerts are left out: they may well be working.
    """
    lines = [" ".join(unescape(_TAG.sub(" ", each)).split()) for each in _ROW.findall(page)]
    return [
        line
        for line in lines
        if "Working" in line and "(alerts)" not in line and any(lane in line for lane in lanes)
    ]


@contextmanager
def watching(clerk: Clerk, lanes: list[str]) -> Iterator[list[str]]:
    """Read the pages every few seconds while the dashboard shows an open incident.

    Yields the list of lines that said "Working" meanwhile.
    """
    said, over, looks = list[str](), Event(), list[float]()

    def look() -> None:
        while not over.wait(_EVERY):
            if "Nothing is delivered" not in clerk.read("/"):
                continue
            found = [f"{page}: {line}" for page in _PAGES for line in works(clerk.read(page), lanes)]
            looks.append(1)
            if not over.is_set():
                said.extend(found)

    thread = Thread(target=look)
    thread.start()
    try:
        yield said
    finally:
        over.set()
        thread.join()
        if not looks:
            said.append("no page was looked at")


@contextmanager
def office(installation: Installation) -> Iterator[Clerk]:
    """Yield an administrator at the installation's web server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    installation.environment |= production(url)
    installation.manage("create_user", NAME, "--role", "Administrator", text=PASSWORD)
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    with served(installation, port, workers=1):
        yield Clerk(port)
