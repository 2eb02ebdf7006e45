"""The demo as a person starts it: a terminal, a browser, Ctrl-C."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from commlog.demo.place import BASE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Terminal:
    """A running `manage.py demo`."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.output = directory.with_suffix(".out")
        command = [
            sys.executable,
            "manage.py",
            "demo",
            f"--port={port}",
            f"--directory={directory}",
            "--messages=40",
            "--every=0.4",
        ]
        # What a developer's shell may hold, and must not matter.
        shell = os.environ | {
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
            "EMAIL_URL": "smtp://mail.example.org:25",
        }
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=BASE, env=shell, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    def until_it_answers(self, within: float) -> None:
        start = time.monotonic()
        while f"http://127.0.0.1:{self.port}/" not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() - start < within, self.output.read_text()
            time.sleep(0.05)

    def page(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/sign-in/")
            return connection.getresponse().status

    def signs_in(self, name: str, password: str) -> str:
        """Where the sign-in leads."""
        browser, address = requests.Session(), f"http://127.0.0.1:{self.port}/sign-in/"
        page = browser.get(address, timeout=10).text
        token = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page)[0]
        typed = {"username": name, "password": password, "csrfmiddlewaretoken": token}
        return urlsplit(browser.post(address, typed, timeout=10).url).path

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def left_over(self) -> list[str]:
        """Command lines of processes that belong to this demo."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (entry / "environ").read_bytes()
                if f"{self.directory}/demo.sqlite3".encode() in environment:
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
        return found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "demo"


@contextlib.contextmanager
def terminal(directory: Path) -> Iterator[Terminal]:
    made = Terminal(directory, free_port())
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()


def messages(directory: Path, state: str) -> int:
    with contextlib.closing(sqlite3.connect(directory / "demo.sqlite3")) as database:
        return database.execute(
            "SELECT count(*) FROM notifications_message WHERE state = ?", [state]
        ).fetchone()[0]


def until(condition, within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def outage(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "outage", *words, f"--directory={directory}"]
    return subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=False)


def pasted(heading: str, demo: Terminal, page: str) -> str:
    """Paste the blocks under a heading of a page; what they print.

    Only the demo's place and port are another.
    """
    after = re.split(rf"\n##+ {re.escape(heading)}\n", (BASE / page).read_text())[1]
    section = re.split(r"\n##+ ", after)[0]
    commands = "\n".join(re.findall(r"^```(?:bash)?\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    for written, here in {
        "--demo": f"--demo={demo.directory}",
        ":8000": f":{demo.port}",
        ".venv/bin/python": sys.executable,
    }.items():
        assert written in commands or heading == "Messages from a shell", written
        commands = commands.replace(written, here)
    shell = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=BASE,
        env=shell,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_command_for_a_demo_needs_one(directory: Path) -> None:
    command = [sys.executable, "manage.py", "log", f"--demo={directory}"]
    done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"No demo has been started in {directory}. Start one with: make run\n"
    assert not directory.exists()


def test_from_the_first_start_to_the_last_process(directory: Path) -> None:
    refused = outage(directory, "email", "on")
    assert refused.returncode == 1
    assert "No demo runs" in refused.stderr
    with terminal(directory) as interrupted:
        until(lambda: (directory / "demo.sqlite3").exists())
        assert interrupted.end(signal.SIGINT) == 0
        assert interrupted.left_over() == []

    with terminal(directory) as first:
        first.until_it_answers(within=90)
        assert first.page() == 200
        users = re.findall(
            r"^\| `([a-z]+)` \| `(\S+)` \| [A-Z]", (BASE / "README.md").read_text(), re.MULTILINE
        )
        assert {name: first.signs_in(name, password) for name, password in users} == dict.fromkeys(
            ["admin", "officer", "viewer"], "/"
        )
        assert "Making a past" in first.output.read_text()
        assert "harbour-lights-2026" in first.output.read_text()
        made = messages(directory, "SENT") + messages(directory, "FAILED")
        assert made > 40
        journal = directory / "EMAIL.jsonl"
        recorded = len(journal.read_text().splitlines())
        until(lambda: len(journal.read_text().splitlines()) > recorded)  # the trickle
        until(lambda: messages(directory, "WAITING") > 0)
        assert json.loads(journal.read_text().splitlines()[-1])["channel"] == "EMAIL"
        (shown,) = [
            line
            for line in pasted("Messages from a shell", first, "docs/operate.md").splitlines()
            if line.startswith("{")
        ]
        assert json.loads(shown)["destination"] == "ana@example.org"
        told = pasted("From an event to a message", first, "docs/how-it-works.md")
        assert len(json.loads(told)["messages"]) == 1
        begun = pasted("Quick start", first, "docs/api.md")
        assert '"destination": "ana@example.org"' in begun
        assert "refuses everything" in outage(directory, "email", "on").stdout
        until(lambda: _causes(directory) > 0)
        assert "works again" in outage(directory, "email", "off").stdout
        assert first.end(signal.SIGTERM) == 0
        assert first.left_over() == []
        assert "Stopped." in first.output.read_text()

    with terminal(directory) as second:
        second.until_it_answers(within=90)
        assert "Making a past" not in second.output.read_text()
        second.end(signal.SIGKILL)
        until(lambda: second.left_over() == [])


def _causes(directory: Path) -> int:
    with contextlib.closing(sqlite3.connect(directory / "demo.sqlite3")) as database:
        query = "SELECT count(*) FROM notifications_attempt WHERE detail LIKE '550 5.7.1 Outage%'"
        return database.execute(query).fetchone()[0]


def test_a_port_that_is_taken_is_said_kindly(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Terminal(directory, server.getsockname()[1])
        assert made.process.wait(30) == 1
    assert f"Port {made.port} is taken" in made.output.read_text()
    assert "--port" in made.output.read_text()
