"""The time of a log's page while 200 logs are open, and while 100 are open of which 50 rows change.

    python -m bench watchers --rows 1000000 --server URL

The server is gunicorn with the options of docs/operate.md and two web workers. Each log is another user's and
asks every three seconds, as its script does, with the versions of what it has. The watchers are a process of
their own on the same machine, so they take processor time from the server.
"""

import json
import os
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from bench.installation import ROOT, Installation, descendants, production
from bench.sign_ins import served

WATCHERS, CHANGING, ROWS, EVERY, SECONDS, SAMPLES = 200, 100, 50, 3.0, 30.0, 60
MOST = 2.0  # times the idle p95
LOG = "/communications/"
_PART = re.compile(r'id="live-([\w-]+)" class="live" data-version="(\w+)"')
_ROW = re.compile(r'id="row-(\d+)" data-row="(\w+)"')
_USERS = """
import json, os
from django.contrib.auth.models import Group as Role
from django.test import Client
from commlog.models import User
role, cookies = Role.objects.get(name="Officer"), []
for number in range({count}):
    user, _ = User.objects.get_or_create(username=f"watcher.{{number}}")
    user.groups.add(role)
    client = Client()
    client.force_login(user)
    cookies.append("; ".join(f"{{name}}={{found.value}}" for name, found in client.cookies.items()))
print(json.dumps(cookies))
"""
_CHANGE = (
    "UPDATE notifications_message SET failures = failures + 1 WHERE id > (SELECT max(id) FROM "
    "notifications_message) - 50"
)


def run(installation: Installation, *, rows: int = 10_000) -> None:
    """Measure idle, then among the watchers, and print the ratios."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    installation.environment |= production(f"http://127.0.0.1:{port}")
    print(f"  {installation.manage('generate_messages', str(rows), '--yes').splitlines()[-1]}", flush=True)
    cookies = signed_in(installation, WATCHERS + 1)
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    with served(installation, port, workers=2) as server:
        before = processor(server)
        idle = p95(port, cookies[-1])
        page = (processor(server) - before) / SAMPLES
        print(
            f"  a log's page alone: p95 {idle:.0f} ms, {1_000 * page:.0f} ms of a web worker's processor "
            "time",
            flush=True,
        )
        for count, changing in ((WATCHERS, False), (CHANGING, True)):
            with (
                _watched(port, cookies[:count]) as said,
                _changing(installation.environment["DATABASE_URL"], wanted=changing),
            ):
                before = processor(server)
                time.sleep(2 * EVERY)
                busy = p95(port, cookies[-1])
            spent = processor(server) - before - SAMPLES * page
            what = f"{count} open logs" + (f" of {ROWS} changing rows each" if changing else "")
            each = max(1, said["answers"])
            answers = (
                f"{said['answers']} answers, p95 {said['p95']:.0f} ms, {said['bytes'] / each:,.0f} bytes each"
            )
            answers += f", {1_000 * spent / each:.1f} ms of a web worker's processor time each"
            answers += f", their own processor time {1_000 * said['processor'] / each:.1f} ms each"
            held = "held" if busy <= MOST * idle else "missed"
            print(f"  {what}: p95 {busy:.0f} ms, {busy / idle:.2f} x ({answers}): {held}", flush=True)


def signed_in(installation: Installation, count: int) -> list[str]:
    """Return the cookies of `count` users."""
    said = installation.manage("shell", "-v", "0", "-c", _USERS.format(count=count))
    return list(json.loads(said.splitlines()[-1]))


def processor(server: int) -> float:
    """Return the processor time of the web server's processes so far, in seconds.

    It stays comparable while other programs want the processors.
    """
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in descendants(server)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def p95(port: int, cookie: str) -> float:
    """Return the 95th percentile in milliseconds, at two pages a second."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        status, _, _ = _get(port, LOG, {"Cookie": cookie})
        took.append((time.perf_counter() - began) * 1_000)
        assert status == 200, status
        time.sleep(max(0.0, SECONDS / SAMPLES - took[-1] / 1_000))
    return statistics.quantiles(took, n=20)[-1]


def _get(port: int, path: str, headers: dict[str, str]) -> tuple[int, str, float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, body.decode(), time.perf_counter() - began
    finally:
        connection.close()


@contextmanager
def _watched(port: int, cookies: list[str]) -> Iterator[dict[str, Any]]:
    """Run the watchers in a process of their own, and yield the results that they give at the end."""
    watchers = subprocess.Popen(
        [sys.executable, "-m", "bench.watchers", str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watchers.stdin
    assert watchers.stdout
    watchers.stdin.write(json.dumps(cookies) + "\n")
    watchers.stdin.flush()
    assert watchers.stdout.readline() == "open\n"
    said: dict[str, Any] = {}
    try:
        yield said
    finally:
        said |= json.loads(watchers.communicate("stop")[0])


@contextmanager
def _changing(url: str, *, wanted: bool) -> Iterator[None]:
    """Change the rows of everybody's first page every three seconds, in another column.

    That is as in an outage, but without senders.
    """
    over = Event()
    changer = Thread(target=_change, args=(url, over))
    if wanted:
        changer.start()
    yield
    over.set()
    if wanted:
        changer.join()


def _change(url: str, over: Event) -> None:
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(
            urlsplit(url).path[1:] if urlsplit(url).path.startswith("//") else urlsplit(url).path
        )
    else:
        import psycopg

        connection = psycopg.connect(url)
    while not over.wait(EVERY):
        connection.execute(_CHANGE)
        connection.commit()
    connection.close()


class Watcher:
    """An open log."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        _, text, _ = _get(port, LOG, {"Cookie": cookie})
        self.parts, self.rows = dict(_PART.findall(text)) | {"newcomers": "0"}, dict(_ROW.findall(text))
        watch = re.search(r'data-watch="(\d+)" data-here="([^"]*)"', text)
        assert watch
        self.here = f"{unescape(watch[2])}&newest={watch[1]}&live="

    def ask(self) -> tuple[float, int]:
        """Return the seconds and bytes of one answer."""
        rows = ",".join(f"{number}.{version}" for number, version in self.rows.items())
        seen = ",".join(f"{name}={version}" for name, version in self.parts.items())
        headers = {"Cookie": self.cookie, "Commlog-By-Itself": "1", "Commlog-Seen": seen}
        status, text, took = _get(self.port, self.here + rows, headers)
        assert status in (200, 204), status
        self.parts |= dict(_PART.findall(text))
        self.rows |= dict(_ROW.findall(text))
        return took, len(text)


def main() -> None:
    """Open the logs whose cookies come on the standard input, and watch until more comes.

    Prints the result.
    """
    port, over = int(sys.argv[1]), Event()
    watchers = [Watcher(port, cookie) for cookie in json.loads(sys.stdin.readline())]
    answers: list[tuple[float, int]] = []

    def watch(own: list[Watcher]) -> None:
        for watcher in own:
            answers.append(watcher.ask())
        while not over.is_set():
            began = time.perf_counter()
            for number, watcher in enumerate(own):
                over.wait(max(0.0, began + EVERY * number / len(own) - time.perf_counter()))
                answers.append(watcher.ask())
            over.wait(max(0.0, began + EVERY - time.perf_counter()))

    spent = time.process_time()
    threads = [Thread(target=watch, args=(watchers[first::20],)) for first in range(20)]
    for thread in threads:
        thread.start()
    print("open", flush=True)
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    took = [seconds * 1_000 for seconds, _ in answers] or [0.0, 0.0]
    found = {
        "answers": len(answers),
        "bytes": sum(size for _, size in answers),
        "p95": statistics.quantiles(took, n=20)[-1],
    }
    print(json.dumps(found | {"processor": time.process_time() - spent}))


if __name__ == "__main__":
    main()
