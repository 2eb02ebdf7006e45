"""Thirty wrong sign-ins at once from one address, and how long everybody else waits. Prints ratios.

    python -m bench sign-ins [--server URL]

The server is gunicorn with the options of docs/operate.md, and passwords are hashed as in production. Each of
the thirty sends its next try as soon as the last one is answered.
"""

import os
import re
import shlex
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlencode

from bench.installation import ROOT, Installation, production

GUESSERS, GUESSER, READER = 30, "198.51.100.7", "203.0.113.9"
PAGES = ("/healthz", "/communications/")
NAME, PASSWORD = "ada", "three quiet green rivers"
MESSAGES, SAMPLES, ALLOWED = "2000", 100, 100  # milliseconds above twice the idle time
UNLOCKED = {"SIGN_IN_MOST_WRONG": "1000", "SIGN_IN_MOST_WRONG_OF_ADDRESS": "10000"}


def run(installation: Installation) -> None:
    """Measure idle, then among the guessers, and print both."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    installation.environment |= production(url) | {"TRUSTED_PROXY_NETS": "127.0.0.1/32"}
    installation.manage("generate_messages", MESSAGES, "--yes")
    installation.manage("create_user", NAME, "--role", "Officer", text=PASSWORD)
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    for how, limits in (
        ("with the limits as they are", {}),
        ("never locked: always one hash under way", UNLOCKED),
    ):
        print(f"  {how}")
        installation.environment |= limits
        with served(installation, port):
            _compare(port)


def _compare(port: int) -> None:
    cookie = _signed_in(port)
    idle = {page: _p95(port, page, cookie) for page in PAGES}
    with _guessing(port) as answers:
        busy = {page: _p95(port, page, cookie) for page in PAGES}
    print(f"    the guessers were answered {dict(answers)}")
    for page in PAGES:
        limit = 2 * idle[page] + ALLOWED
        said = f"p95 idle {idle[page]:.0f} ms, among the guessers {busy[page]:.0f} ms"
        print(f"    {page}: {said}: {busy[page] / limit:.2f} of the allowed {limit:.0f} ms")


def command(port: int, unit: str = "commlog-web") -> list[str]:
    """Return the command by which docs/operate.md starts a unit of gunicorn, at this port."""
    page = (ROOT / "docs" / "operate.md").read_text().partition(f"{unit}.service <<")[2]
    found = re.search(r"ExecStart=\S+/(gunicorn .*)", page)
    assert found, "docs/operate.md starts gunicorn"
    return [sys.executable, "-m", *shlex.split(re.sub(r"--bind \S+", f"--bind 127.0.0.1:{port}", found[1]))]


@contextmanager
def served(
    installation: Installation, port: int, *, workers: int = 0, threads: int = 0, unit: str = "commlog-web"
) -> Iterator[int]:
    """Run gunicorn at this port, with every worker warm, and yield its process id.

    `workers` and `threads` replace that page's numbers.
    """
    with (installation.directory / f"{unit}.log").open("ab") as log:
        server = subprocess.Popen(
            [
                *command(port, unit),
                *(["--workers", str(workers)] if workers else []),
                *(["--threads", str(threads)] if threads else []),
            ],
            cwd=ROOT,
            env=installation.environment,
            stdout=log,
            stderr=log,
        )
    try:
        for _ in range(300):
            time.sleep(0.1)
            try:
                if _get(port, "/readyz")[0] == 200:
                    break
            except OSError:
                assert server.poll() is None, (installation.directory / f"{unit}.log").read_text()
        for _ in range(50):  # every worker has loaded what it needs
            _get(port, "/sign-in/")
        yield server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def _get(port: int, path: str, cookie: str = "") -> tuple[int, str, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "GET", path, headers={"X-Forwarded-For": READER} | ({"Cookie": cookie} if cookie else {})
        )
        answer = connection.getresponse()
        body = answer.read()
        return (
            answer.status,
            "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie", [])),
            body,
        )
    finally:
        connection.close()


def _form(port: int, password: str, address: str) -> tuple[str, dict[str, str]]:
    """Return the body of a sign-in, and its headers."""
    _, cookie, page = _get(port, "/sign-in/")
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    body = urlencode({"csrfmiddlewaretoken": token[1].decode(), "username": NAME, "password": password})
    kind = "application/x-www-form-urlencoded"
    return body, {
        "Cookie": cookie,
        "X-Forwarded-For": address,
        "Content-Type": kind,
        "Referer": f"http://127.0.0.1:{port}/",
    }


def _written(port: int, body: str, headers: dict[str, str]) -> bytes:
    """Return a sign-in as bytes of HTTP."""
    lines = [
        f"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


def _signed_in(port: int) -> str:
    body, headers = _form(port, PASSWORD, READER)
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/sign-in/", body, headers)
    answer = connection.getresponse()
    assert answer.status == 302, answer.status
    return "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie", []))


def _p95(port: int, page: str, cookie: str) -> float:
    """Return the 95th percentile in milliseconds, one request after the other."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        status, _, _ = _get(port, page, cookie)
        took.append((time.perf_counter() - began) * 1_000)
        assert status == 200, (page, status)
    return statistics.quantiles(took, n=20)[-1]


@contextmanager
def _guessing(port: int) -> Iterator[Counter[int]]:
    """Send wrong passwords from one address inside the block, in a process of its own."""
    command = [sys.executable, "-m", "bench.sign_ins", str(port)]
    guessers = subprocess.Popen(
        command, cwd=ROOT, env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    answers: Counter[int] = Counter()
    time.sleep(3)
    try:
        yield answers
    finally:
        said, _ = guessers.communicate("stop")
        answers.update(
            {int(status): int(number) for status, number in (pair.split(":") for pair in said.split())}
        )


def main() -> None:
    """Guess until there is something on the standard input; print how often each status was the answer."""
    port, over, answers = int(sys.argv[1]), Event(), Counter[int]()
    forms = [_form(port, f"wrong {number}", GUESSER) for number in range(GUESSERS)]

    def guess(request: bytes) -> None:
        while not over.is_set():
            with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
                # At once, as a proxy passes it on: what the server waits for is not what is measured.
                connection.sendall(request)
                answers[int(connection.recv(64).split()[1])] += 1
                while connection.recv(65_536):
                    pass

    guessers = [Thread(target=guess, args=[_written(port, *form)]) for form in forms]
    for guesser in guessers:
        guesser.start()
    sys.stdin.read()
    over.set()
    for guesser in guessers:
        guesser.join()
    print(*(f"{status}:{number}" for status, number in answers.items()))


if __name__ == "__main__":
    main()
