"""A whole installation for tests and benchmarks: its own database, providers and real clusters.

It is observed through its commands only.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.standins import StandIns, stand_ins
from commlog.demo import standins

ROOT = Path(__file__).resolve().parent.parent
STRONG = "".join(chr(48 + number) for number in range(60))
FINAL = ("SENT", "FAILED")
LIVE = ("QUEUED", "QUEUED_FOR_STREAM", "SENDING_ASYNC", "WAITING")


class Installation:
    """Commlog as an operator has it: an environment and commands."""

    def __init__(self, directory: Path, providers: StandIns, database_url: str) -> None:
        self.directory = directory
        self.providers = providers
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {"DATABASE_URL": database_url, "MARKER_DIRECTORY": str(directory / "markers")}
        self.environment = {**kept, **providers.environment(), **own}
        self._staying: dict[str, subprocess.Popen[str]] = {}
        self._asking = threading.Lock()

    def manage(self, *arguments: str, text: str | None = None) -> str:
        """Run a command of manage.py and return its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def module(self, name: str, *arguments: object) -> str:
        """Run a module of ours and return its standard output."""
        command = [sys.executable, "-m", name, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout

    def beside(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start Python with these arguments in the background."""
        command = [sys.executable, *map(str, arguments)]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True)

    def enqueue(self, *messages: dict[str, Any]) -> list[str]:
        """Store messages and return their keys."""
        lines = self.directory / "enqueue.jsonl"
        lines.write_text("\n".join(json.dumps(message) for message in messages))
        return self.ask("enqueue", str(lines)).split()

    def log(self) -> list[dict[str, Any]]:
        """Return all messages, newest first."""
        return [json.loads(line) for line in self.ask("log", "--json", "--limit", "1000000").splitlines()]

    def message(self, key: str) -> dict[str, Any]:
        """Return one message."""
        return json.loads(self.ask("message", key, "--json"))

    def ask(self, *arguments: object, of: str = "bench.staying") -> str:
        """Return a command's output, or that of `run` of another module, from a long-running process."""
        with self._asking:
            if of not in self._staying:
                pipe = subprocess.PIPE
                self._staying[of] = subprocess.Popen(
                    [sys.executable, "-m", "bench.staying", of],
                    cwd=ROOT,
                    env=self.environment,
                    stdin=pipe,
                    stdout=pipe,
                    text=True,
                )
            asked, answers = self._staying[of].stdin, self._staying[of].stdout
            assert asked
            assert answers
            print(json.dumps(list(map(str, arguments))), file=asked, flush=True)
            answer = answers.readline()
        assert answer, f"{of} has ended: its error is on the standard error"
        said, failed = json.loads(answer)
        assert not failed, failed
        return said

    def close(self) -> None:
        """End the long-running processes."""
        for process in self._staying.values():
            process.communicate()
        self._staying.clear()

    @contextmanager
    def cluster(
        self, command: str = "qcluster", *, root: Path = ROOT, **variables: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a qcluster (or a `sender`) in its own process group, and stop it as an operator does."""
        with (self.directory / f"cluster-{uuid4().hex}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=root,
                env=self.environment | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
            # django-q2 loses a SIGTERM that arrives while it forks its first process. A `sender` ends such a
            # cluster by force after some seconds; here nobody would.
            for _ in range(400):
                if process.poll() is not None or len(descendants(process.pid)) > 1:
                    break
                time.sleep(0.05)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=80) == 0
        finally:
            kill_group(process)

    def until_final(self, *, within: float) -> list[dict[str, Any]]:
        """Wait until every message is final and return the log."""
        end = time.monotonic() + within
        while any(
            self.ask("log", "--limit", 1, "--state", state) for state in LIVE
        ):  # short, however long the log
            assert time.monotonic() < end, Counter((each["type"], each["state"]) for each in self.log())
            time.sleep(0.3)
        # One may have changed from a state to another between two questions.
        return self.until(lambda log: all(message["state"] in FINAL for message in log), within=within)

    def until(self, holds: Callable[[list[dict[str, Any]]], bool], *, within: float) -> list[dict[str, Any]]:
        """Wait until `holds(log)` and return the log."""
        end = time.monotonic() + within
        while not holds(log := self.log()):
            assert time.monotonic() < end, sorted({(message["type"], message["state"]) for message in log})
            time.sleep(0.5)
        return log


def production(url: str = "http://127.0.0.1") -> dict[str, str]:
    """Return the environment variables of production.

    With DEBUG, Django keeps the text of every statement, which costs the senders.
    """
    return {"DEBUG": "0", "SECRET_KEY": STRONG, "SECRETS_KEY": STRONG[1:], "PUBLIC_URL": url}


def descendants(pid: int) -> list[int]:
    """Return the living processes below this one, parents first."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a cluster and all its children with SIGKILL."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def new_database(server: str, directory: Path, *, like: str = "") -> Iterator[str]:
    """Yield the URL of a new database, empty or a copy of `like`.

    It is on the PostgreSQL server `server`, or a SQLite file if that is empty.
    """
    if not server:
        file = directory / "commlog.sqlite3"
        if like:
            shutil.copyfile(like.removeprefix("sqlite:///"), file)
        yield f"sqlite:///{file}"
        return
    import psycopg

    name = f"commlog_{uuid4().hex}"
    template = f' TEMPLATE "{urlsplit(like).path[1:]}"' if like else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{template}')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def migrated_database(server: str, directory: Path) -> Iterator[str]:
    """Yield the URL of a new migrated database, to copy."""
    with new_database(server, directory) as url:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)
        yield url


@contextmanager
def installed(directory: Path, server: str = "", *, like: str = "") -> Iterator[Installation]:
    """Yield a migrated installation with providers.

    With `like` its database is a copy of that one: migrating takes seconds.
    """
    with (
        new_database(server, directory, like=like) as database_url,
        stand_ins(directory / "providers") as providers,
    ):
        made = Installation(directory, providers, database_url)
        if not like:
            made.manage("migrate", "--verbosity", "0")
        try:
            yield made
        finally:
            made.close()


def mixed(providers: StandIns, count: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Return `count` messages, the four channels in turn, numbered from `first`."""
    made: list[dict[str, Any]] = []
    for number in range(first, first + count):
        body = f"Message {number} – für Sie"
        made.append(
            [
                {
                    "type": "EMAIL",
                    "destination": f"client{number}@example.org",
                    "subject": f"Nr. {number}",
                    "body": body,
                },
                {"type": "SMS", "destination": f"+4917{number:09}", "body": body},
                {"type": "WEB_HOOK", "destination": providers.webhook_url(f"/in/{number}"), "body": body},
                {
                    "type": "EVENT_STREAM",
                    "destination": "mrn.event.demo.streamingapi.client_approved",
                    "body": body,
                },
            ][number % 4]
        )
    return made


def received(providers: StandIns) -> list[str]:
    """Return the destinations of everything that the providers accepted."""
    entries = [entry for channel in standins.CHANNELS for entry in providers.journal(channel)]
    return sorted(entry["destination"].removeprefix(providers.webhook_url("")[:-1]) for entry in entries)


def expected(messages: list[dict[str, Any]], providers: StandIns) -> list[str]:
    """Return what `received` returns if each message was received once."""
    return sorted(
        message["destination"].removeprefix(providers.webhook_url("")[:-1])
        for message in messages
        if message["type"] != "EVENT_STREAM"
    )
