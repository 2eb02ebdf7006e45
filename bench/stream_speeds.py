"""Speeds of appending and reading events, the latency of one, and the cost of idle readers to the pages."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean, median, quantiles
from threading import Event, Thread

from bench.installation import ROOT
from bench.run import Run
from bench.sign_ins import served
from bench.stream_load import loading
from bench.stream_reader import Options, free_port, subscribe
from bench.watchers import p95, processor, signed_in

BACKLOG, ROUNDS, ONE_BY_ONE, PAUSE, IDLE = 20_000, 3, 300, 0.1, 100
TOPICS = [f"mrn.event.bench.streamingapi.speed_{number}" for number in range(3)]
_APPENDED = """
SELECT COUNT(*), MIN(appended_at), MAX(appended_at) FROM notifications_streamevent WHERE topic LIKE
'%speed%'
"""
_WHEN = """
import json
from notifications.models import StreamEvent
found = StreamEvent.objects.filter(topic="mrn.event.bench.streamingapi.single")
print(json.dumps({str(e.key): [json.loads(e.body)["stored"], e.appended_at.timestamp()] for e in found}))
"""


_AS_BEFORE = """
from notifications.models import StreamCursor, StreamEvent, StreamPartition
StreamCursor.objects.all().delete()
StreamPartition.objects.update(first_offset=0, next_offset=0)
print(StreamEvent.objects.update(partition=None, offset=None, occurred_at=None))
"""
_CATCH_UP = """
import time
from notifications.models import StreamEvent
from notifications.streams import publishing
began, longest = time.perf_counter(), 0.0
while True:
    batch = time.perf_counter()
    if not publishing.number():
        break
    longest = max(longest, time.perf_counter() - batch)
print(f"{time.perf_counter() - began:.0f} s, the longest batch {1_000 * longest:.0f} ms")
assert not StreamEvent.objects.filter(offset=None).exists()
"""


class Speeds:
    """The measurements of one installation."""

    def __init__(self, senders: Run, port: int, key: str, *, backlog: int = BACKLOG) -> None:
        self.senders, self.port, self.key, self.backlog = senders, port, key, backlog
        self.installation = senders.installation
        self.journals = self.installation.directory / "speeds"

    def run(self) -> None:
        """Measure one after the other."""
        self.journals.mkdir()
        with served(self.installation, self.port, unit="commlog-streams") as server:
            self._append()
            self._read(server)
            self._one_by_one()
            self.senders.stop()
            self._pages()
            self._catch_up()

    def _append(self) -> None:
        """Measure a backlog by when its first and its last events became readable."""
        loading(self.installation, self.backlog, 0, TOPICS).communicate()
        self.senders.start()
        while self.senders.ask(_APPENDED)[0] < self.backlog:
            time.sleep(0.2)
        _, first, last = self.senders.ask(_APPENDED)
        rate = self.backlog / (last - first).total_seconds()
        print(f"  appended: {rate:,.0f} events a second of a backlog of {self.backlog:,}", flush=True)

    def _read(self, server: int) -> None:
        """Measure one reader with batches of 100."""
        rates, spent = [], []
        for _ in range(ROUNDS):
            before = processor(server)
            said = self._read_all(self.port)
            rates.append(said["events"] / said["seconds"])
            spent.append((processor(server) - before) / said["events"] * 1e6)
        each = ", ".join(f"{rate:,.0f}" for rate in rates)
        print(
            f"  read by one reader in batches of 100: {median(rates):,.0f} events a second ({each}), "
            f"{median(spent):.0f} µs of the server's processor time each",
            flush=True,
        )

    def _one_by_one(self) -> None:
        """Measure single messages, ten a second, from the transaction that appends to the reader's clock."""
        topic, journal = "mrn.event.bench.streamingapi.single", self.journals / "single"
        subscription = subscribe(self.port, self.key, "single", [topic])
        options = Options(
            self.port,
            self.key,
            subscription,
            str(journal),
            batch=1,
            uncommitted=1_000,
            most=ONE_BY_ONE,
            lazy=True,
        )
        reader = subprocess.Popen(options.command, cwd=ROOT, stdout=subprocess.DEVNULL)
        loading(self.installation, ONE_BY_ONE, PAUSE, [topic]).communicate()
        reader.wait(timeout=60)
        told = json.loads(self.installation.manage("shell", "-v", "0", "-c", _WHEN).splitlines()[-1])
        entries = [json.loads(line) for line in journal.read_text().splitlines()]
        got = {key: each["at"] for each in entries if each["what"] == "got" for key in each["keys"]}
        assert set(got) == set(told)
        appended = [(at - told[key][1]) * 1_000 for key, at in got.items()]
        stored = [(at - told[key][0]) * 1_000 for key, at in got.items()]
        print(
            f"  published to received, {ONE_BY_ONE} one by one: median {median(appended):.0f} ms, p95 "
            f"{quantiles(appended, n=20)[-1]:.0f} ms; stored to received: median {median(stored):.0f} ms",
            flush=True,
        )

    def _pages(self) -> None:
        """Measure a log's page beside streams of another server, and beside those of the same one."""
        port, (cookie,) = free_port(), signed_in(self.installation, 1)
        with served(self.installation, port, workers=2):
            self._beside(self.port, port, cookie, "streams in processes of their own")
        with served(self.installation, port, workers=2, threads=128):
            self._beside(port, port, cookie, "one server with threads for all")

    def _beside(self, streams: int, pages: int, cookie: str, what: str) -> None:
        alone = [p95(pages, cookie)]
        with self._idle_readers(streams):
            among = [p95(pages, cookie), p95(pages, cookie)]
        alone.append(p95(pages, cookie))
        with self._busy_reader(streams):
            busy = p95(pages, cookie)
        usual = mean(alone)
        print(
            f"  a log's page, {what}: p95 {usual:.0f} ms alone; among {IDLE} readers {mean(among):.0f} ms, "
            f"{mean(among) / usual:.2f} x; beside one that reads all {busy:.0f} ms, {busy / usual:.2f} x",
            flush=True,
        )

    @contextmanager
    def _busy_reader(self, port: int) -> Iterator[None]:
        """Read a backlog as fast as possible, again and again, inside the block."""
        over = Event()

        def read() -> None:
            while not over.is_set():
                self._read_all(port)

        reading = Thread(target=read)
        reading.start()
        yield
        over.set()
        reading.join()

    def _read_all(self, port: int) -> dict[str, float]:
        subscription = subscribe(self.port, self.key, f"fast {time.time()}", TOPICS)
        options = Options(
            port,
            self.key,
            subscription,
            str(self.journals / "fast"),
            uncommitted=100_000,
            most=self.backlog,
            lazy=True,
        )
        done = subprocess.run(options.command, cwd=ROOT, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    def _catch_up(self) -> None:
        """Reset every event to an older version's form, and measure how the cluster numbers them."""
        count = int(self.installation.manage("shell", "-v", "0", "-c", _AS_BEFORE).split()[-1])
        said = self.installation.manage("shell", "-v", "0", "-c", _CATCH_UP).strip()
        print(f"  {count:,} events of an older version get their places in {said}", flush=True)

    @contextmanager
    def _idle_readers(self, port: int) -> Iterator[None]:
        """Hold streams open that get only keep-alives."""
        streams = []
        for number in range(IDLE):
            topics = [f"mrn.event.bench.streamingapi.idle_{number % 10}"]
            if number % 3 == 0:
                subscription = subscribe(self.port, self.key, f"idle {number}", topics, "end")
            stream = socket.create_connection(("127.0.0.1", port), timeout=30)
            stream.sendall(
                f"GET /subscriptions/{subscription}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"apiKey: {self.key}\r\n\r\n".encode()
            )
            assert b" 200 " in stream.recv(30)
            streams.append(stream)
        try:
            yield
        finally:
            for stream in streams:
                stream.close()
