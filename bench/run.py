"""One installation under faults: its senders, its messages, and what becomes of them."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.installation import ROOT, Installation, installed, mixed

ALL_FINAL_WITHIN = 60.0  # seconds after the last fault

# Servers (empty: SQLite), and the URL of a migrated database on each that an installation may be a copy of.
MIGRATED: dict[str, str] = {}


class Run:
    """One installation under faults: its senders, and the choice of who is killed next."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self.installation = installation
        self.chance = chance
        self.keys: list[str] = []  # of messages that were accepted
        self.journals = [installation.directory / "providers"]  # of all who received anything
        self.excused: set[str] = set()  # invariants that do not hold of this run
        self.made = 0
        self.sender: subprocess.Popen[bytes] | None = None
        self.clusters: list[subprocess.Popen[bytes]] = []
        self.failures: list[str] = []  # promises of the programme that were not kept

    def start(self) -> None:
        """Start the senders, as a service manager would."""
        self.sender = self._begin("sender")

    def start_cluster(self) -> subprocess.Popen[bytes]:
        """Start a plain qcluster without a supervisor."""
        self.clusters.append(self._begin("qcluster"))
        return self.clusters[-1]

    def _begin(self, command: str) -> subprocess.Popen[bytes]:
        with (self.installation.directory / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=self.installation.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def enqueue(self, count: int, *, slow: int = 0, seconds: float = 1.0) -> None:
        """Store mixed messages, and `slow` webhooks that are answered only after `seconds`."""
        providers, first = self.installation.providers, self.made
        # Also where this fails: what was perhaps stored is not stored again under the same number.
        self.made += count + slow
        paths = (
            providers.webhook_url(f"/slow/{seconds}/{number}") for number in range(first + count, self.made)
        )
        late = [{"type": "WEB_HOOK", "destination": path, "body": "{}"} for path in paths]
        self.keys += self.installation.enqueue(*mixed(providers, count, first=first), *late)

    @property
    def on_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return not self.installation.environment["DATABASE_URL"].startswith("sqlite")

    def ask(self, query: str) -> tuple[Any, ...]:
        """Return the first row of a query, asked directly: a command takes a second of processor time.

        Times are made aware.
        """
        return tuple(_aware(value) for value in (self.rows(query) or [()])[0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query, as the database gives them."""
        url = self.installation.environment["DATABASE_URL"]
        if self.on_postgres:
            import psycopg

            with psycopg.connect(url) as database:
                return database.execute(query).fetchall()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as database:
            return database.execute(query).fetchall()

    def processes(self) -> list[int]:
        """Return every process of the senders, orphans included.

        A service manager finds the same in their control group.
        """
        mine = f"DATABASE_URL={self.installation.environment['DATABASE_URL']}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                if (b"\0sender\0" in command or b"\0qcluster\0" in command) and mine in (
                    entry / "environ"
                ).read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return sorted(found)

    def kill_all(self) -> None:
        """Kill all processes, as a service manager ends what is left (KillMode=control-group)."""
        for pid in self.processes():
            send_signal(pid, signal.SIGKILL)
        for process in [*self.clusters, *filter(None, [self.sender])]:
            process.wait()

    def strike(self, number: signal.Signals) -> None:
        """Send a signal to a random process; a killed sender takes everything along and is restarted."""
        victim = self.chance.choice(self.processes())
        if self.sender is not None and victim == self.sender.pid and number == signal.SIGKILL:
            self.kill_all()
            self.start()
        else:
            send_signal(victim, number)

    def pending(self) -> int:
        """Return how many messages are not final."""
        return self.ask(
            "SELECT COUNT(*) FROM notifications_message WHERE due_at IS NOT NULL OR lease_until IS NOT NULL"
        )[0]

    def until_under_way(self, *, within: float) -> None:
        """Wait until something is being sent, for `within` seconds at most."""
        end = time.monotonic() + within
        query = "SELECT COUNT(*) FROM notifications_attempt WHERE outcome = '' AND permitted_at IS NOT NULL"
        while not self.ask(query)[0] and time.monotonic() < end:
            time.sleep(0.02)

    def settle(self) -> float:
        """Wait until all messages are final, and return the seconds it took."""
        began = time.monotonic()
        while self.pending() and time.monotonic() - began < ALL_FINAL_WITHIN * 2:
            time.sleep(0.3)
        took = time.monotonic() - began
        self.promise(
            took <= ALL_FINAL_WITHIN,
            f"all final {took:.1f} s after the last fault, not within {ALL_FINAL_WITHIN:.0f} s",
        )
        return took

    def promise(self, kept: bool, otherwise: str) -> None:
        """Record a promise that was not kept."""
        if not kept:
            self.failures.append(otherwise)

    def stop(self) -> float:
        """Stop the senders as a service manager would, and return the seconds it took."""
        if self.sender is None:
            return 0.0
        began = time.monotonic()
        self.sender.send_signal(signal.SIGTERM)
        self.sender.wait(timeout=90)
        self.sender = None
        return time.monotonic() - began

    def report(self) -> bool:
        """Stop everything and print the audit. Returns whether anything was broken."""
        self.stop()
        for process in self.clusters:
            process.send_signal(signal.SIGTERM)
        for process in self.clusters:
            process.wait(timeout=90)
        found = self.audit()
        broken = {name: keys for name, keys in found.pop("broken").items() if name not in self.excused}
        print(f"  {json.dumps(found)}")
        print(f"  broken: {json.dumps(broken) if broken else 'nothing'}")
        for failure in self.failures:
            print(f"  not kept: {failure}")
        return bool(broken or self.failures)

    def audit(self) -> dict[str, Any]:
        """Return the audit of database and journals."""
        keys = self.installation.directory / "keys"
        keys.write_text("\n".join(self.keys))
        command = [
            sys.executable,
            "-m",
            "bench.audit",
            ":".join(map(str, self.journals)),
            str(keys),
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=self.installation.environment, capture_output=True, text=True, check=False
        )
        if not done.stdout:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)


def _aware(value: Any) -> Any:
    """Return SQLite's time, a text in UTC, as a datetime; any other value unchanged."""
    if isinstance(value, str) and len(value) >= 19 and value[4] == "-" and value[10] == " ":
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def running(chance: random.Random, server: str) -> Iterator[Run]:
    """Yield a run on a new installation; nothing of it is left afterwards."""
    with (
        tempfile.TemporaryDirectory() as directory,
        installed(Path(directory), server, like=MIGRATED.get(server, "")) as installation,
    ):
        run = Run(installation, chance)
        try:
            yield run
        finally:
            run.kill_all()
