"""Events under faults: four readers that come, leave and die, killed senders, a stopped server.

Each reader writes a journal (bench/stream_reader.py); bench/stream_audit.py compares it with the database.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.installation import ROOT
from bench.run import Run
from bench.sign_ins import served
from bench.stream_load import loading
from bench.stream_reader import Options, subscribe, unread

TOPICS = [f"mrn.event.bench.streamingapi.{name}" for name in ("loan_created", "client_approved", "paid")]
_STUCK = 120.0  # seconds without progress


class Faults:
    """A run of events under faults."""

    def __init__(self, senders: Run, port: int, key: str) -> None:
        self.senders, self.port, self.key = senders, port, key
        self.installation = senders.installation
        self.journals = self.installation.directory / "journals"
        self.readers: dict[str, subprocess.Popen[bytes]] = {}
        self.subscription = ""
        self.events = 0

    def run(self, events: int) -> None:
        """Load, disturb, read to the end, and compare."""
        try:
            self._run(events)
        finally:
            for reader in self.readers.values():
                reader.kill()

    def _run(self, events: int) -> None:
        self.journals.mkdir()
        self.events = events
        began = time.monotonic()
        with served(self.installation, self.port, unit="commlog-streams"):
            self.subscription = subscribe(self.port, self.key, "faults", TOPICS)
            self.senders.start()
            self.join("a")
            load = loading(self.installation, events, 0, TOPICS)
            for share, step in self._programme():
                self._until_appended(int(share * events))
                step()
            self._until_appended(events)
            load.communicate()
        # The rest from a server that has been stopped and started anew.
        with served(self.installation, self.port, unit="commlog-streams"):
            self._until(lambda: events - unread(self.port, self.key, self.subscription), events)
            for name in list(self.readers):
                self.leave(name)
        self.senders.settle()
        self.senders.stop()
        print(f"  {events:,} events in {time.monotonic() - began:.0f} s, {self._audit()}", flush=True)

    def _programme(self) -> list[tuple[float, Callable[[], None]]]:
        at_least = 3 if self.events > 50_000 else 1  # batches, before it dies
        return [
            (0.05, lambda: self.join("b", dies_after=at_least, within=True)),
            (0.10, lambda: self.join("c")),
            (0.15, self._kill_senders),
            (0.25, lambda: self.join("d", dies_after=at_least)),
            (0.35, lambda: self.leave("a")),
            (0.40, lambda: self.join("b")),
            (0.45, self._kill_senders),
            (0.55, lambda: self.join("a", dies_after=at_least)),
            (0.60, lambda: self.join("d")),
            (0.70, lambda: self.leave("c")),
            (0.75, lambda: self.join("a")),
            (0.80, self._kill_senders),
            (0.90, lambda: self.join("c")),
        ]

    def _kill_senders(self) -> None:
        self.senders.kill_all()
        self.senders.start()

    def join(self, name: str, *, dies_after: int = 0, within: bool = False) -> None:
        """Start a reader, or restart one that died."""
        if (before := self.readers.pop(name, None)) is not None:
            before.kill()  # where it has not come to what it was to die of
            before.wait()
        journal = self.journals / f"{name}-{time.time()}.jsonl"
        options = Options(
            self.port, self.key, self.subscription, str(journal), dies_after=dies_after, within=within
        )
        self.readers[name] = subprocess.Popen(options.command, cwd=ROOT, stdout=subprocess.DEVNULL)

    def leave(self, name: str) -> None:
        """Stop a reader properly."""
        reader = self.readers.pop(name)
        reader.send_signal(signal.SIGTERM)
        reader.wait(timeout=60)

    def _until_appended(self, count: int) -> None:
        self._until(lambda: self.senders.ask("SELECT COUNT(*) FROM notifications_streamevent")[0], count)

    def _until(self, asked: Callable[[], int], wanted: int) -> None:
        last, since = -1, time.monotonic()
        while (now := asked()) < wanted:
            if now > last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > _STUCK:
                raise SystemExit(f"  stuck at {now:,} of {wanted:,}; see {self._tail()}")
            time.sleep(0.5)

    def _tail(self) -> str:
        logs = sorted(Path(self.installation.directory).glob("*.log"))
        return "\n".join(each.read_text()[-2_000:] for each in logs)

    def _audit(self) -> str:
        found = json.loads(self.installation.module("bench.stream_audit", self.journals))
        broken = {what: count for what, count in found.pop("broken").items() if count}
        return f"{json.dumps(found)}\n  broken: {json.dumps(broken) if broken else 'nothing'}"
