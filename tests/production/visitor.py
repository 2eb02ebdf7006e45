"""Who uses the installation: a browser and a program, over TLS through nginx. No name server is asked."""

import http.client
import json
import re
import socket
import ssl
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.production.document import HOST


class Answer(NamedTuple):
    """Status, headers and text of an answer."""

    status: int
    headers: http.client.HTTPMessage
    text: str


class _Connection(http.client.HTTPSConnection):
    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", 443), timeout=60)
        self.sock = self.trusted.wrap_socket(plain, server_hostname=HOST)

    trusted: ssl.SSLContext


class Visitor:
    """Keeps cookies, follows no redirect."""

    def __init__(self, certificate: Path) -> None:
        self._trusted = ssl.create_default_context(cafile=str(certificate))
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Ask, and keep the cookies of the answer."""
        connection = _Connection(HOST)
        connection.trusted = self._trusted
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self._cookies |= {name: each.value for name, each in SimpleCookie(line).items()}
        return Answer(answer.status, answer.headers, text)

    def sign_in(self, name: str, password: str) -> Answer:
        """Fill in the form of the sign-in."""
        form = self.ask("GET", "/sign-in/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token, form
        fields = {"csrfmiddlewaretoken": token.group(1), "username": name, "password": password, "next": ""}
        return self.ask(
            "POST",
            "/sign-in/",
            urlencode(fields).encode(),
            Content_Type="application/x-www-form-urlencoded",
            Referer=f"https://{HOST}/sign-in/",
        )

    def call(self, key: str, method: str, path: str, value: Any = None) -> Answer:
        """Call the API with a JSON value, or with bytes as they are."""
        body = value if isinstance(value, bytes | None) else json.dumps(value).encode()
        return self.ask(method, path, body, apiKey=key, Content_Type="application/json")
