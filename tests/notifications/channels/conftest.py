"""Fixtures of the channel tests: servers that are closed afterwards, and a certificate authority of our
own.
"""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from notifications.channels.email import smtp_session
from notifications.channels.http import connection


@pytest.fixture
def serve() -> Iterator[Callable[[Any], Any]]:
    """Keep a server until the test ends."""
    running: list[Any] = []

    def keep(server: Any) -> Any:
        running.append(server)
        return server

    yield keep
    for server in running:
        server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key for localhost.test and 127.0.0.1, in one file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    key = file.with_suffix(".key")
    subject = ["-subj", "/CN=localhost.test", "-addext", "subjectAltName=DNS:localhost.test,IP:127.0.0.1"]
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    subprocess.run([*new, *subject, "-keyout", key, "-out", file], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The certificate is in the system's store, as far as contexts made from now on can tell."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    smtp_session.tls.cache_clear()
    connection.trust.cache_clear()
    yield
    smtp_session.tls.cache_clear()
    connection.trust.cache_clear()
