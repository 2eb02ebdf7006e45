"""python -m bench.stream_reader OPTIONS: a reader of a subscription, a process that can be killed.

It commits each batch (or, if `lazy`, the last of each partition five times a second), connects again when its
stream ends, and writes into a journal what it is about to do. It ends by SIGTERM, after `most` events, or
kills itself after `dies_after` batches: within one, or between its last byte and its commit.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Any

import requests

_AGAIN = 0.5  # seconds before it connects again
_LAZY = 0.2
_BEGINNING = 600  # bytes: more than a sign of life has
_WAYS = "batch_flush_timeout=1&max_uncommitted_events="


@dataclass(frozen=True)
class Options:
    """What a reader reads, and how it ends."""

    port: int
    key: str
    subscription: str
    journal: str
    batch: int = 100
    uncommitted: int = 300
    most: int = 0
    lazy: bool = False
    dies_after: int = 0
    within: bool = False

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        return [sys.executable, "-m", "bench.stream_reader", json.dumps(asdict(self))]


def free_port() -> int:
    """Return an unused port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def subscribe(port: int, key: str, name: str, topics: list[str], read_from: str = "begin") -> str:
    """Return the id of a subscription, which is new unless there is an equal one."""
    wish = {"owning_application": name, "event_types": topics, "read_from": read_from}
    address = f"http://127.0.0.1:{port}/subscriptions"
    answer = requests.post(address, json=wish, headers={"apiKey": key}, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def unread(port: int, key: str, subscription: str) -> int:
    """Return how many events the subscription has not committed."""
    address = f"http://127.0.0.1:{port}/subscriptions/{subscription}/stats"
    answer = requests.get(address, headers={"apiKey": key}, timeout=60)
    assert answer.status_code == 200, answer.text
    return sum(each["unconsumed_events"] for topic in answer.json()["items"] for each in topic["partitions"])


class Reader:
    """One reader."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.over = False
        self.batches = self.events = 0
        self.began = self.ended = 0.0
        self._journal = os.open(options.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._last: dict[tuple[str, str], dict[str, str]] = {}

    def run(self) -> None:
        """Read until it is over."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "over", True))
        while not self.over:
            with suppress(OSError, HTTPException, ValueError):
                self._read()
            time.sleep(_AGAIN)

    def _read(self) -> None:
        options = self.options
        ways = f"batch_limit={options.batch}&{_WAYS}{options.uncommitted}"
        stream = HTTPConnection("127.0.0.1", options.port, timeout=29)
        stream.request(
            "GET", f"/subscriptions/{options.subscription}/events?{ways}", headers={"apiKey": options.key}
        )
        answer = stream.getresponse()
        if answer.status != 200:
            self._write("refused", status=answer.status)
            return
        stream_id = answer.headers["X-Nakadi-StreamId"]
        self._write("open", stream=stream_id)
        lazy = Thread(target=self._commit_now_and_then, args=(stream_id, answer), daemon=True)
        if options.lazy:
            lazy.start()
        try:
            for batch in self._batches(answer):
                self._take(batch, stream_id)
                if self.over:
                    break
        finally:
            if stream.sock:
                stream.sock.shutdown(socket.SHUT_RDWR)
            answer.close()
            stream.close()
            self._write("closed", stream=stream_id)

    def _batches(self, answer: Any) -> Iterator[dict[str, Any]]:
        options = self.options
        while line := answer.readline(_BEGINNING):
            if options.within and self.batches >= options.dies_after and not line.endswith(b"\n"):
                self._die("within a batch")
            line += b"" if line.endswith(b"\n") else answer.readline()
            if not line.endswith(b"\n"):
                return  # cut off: nothing that counts
            batch = json.loads(line)
            if not batch.get("events"):
                if self.over:
                    return
                continue
            self.batches += 1
            yield batch

    def _take(self, batch: dict[str, Any], stream_id: str) -> None:
        now, cursor, events = time.time(), batch["cursor"], batch["events"]
        self.began, self.ended = self.began or time.perf_counter(), time.perf_counter()
        self.events += len(events)
        keys = [each["metadata"]["eid"] for each in events]
        self._write("got", at=now, stream=stream_id, keys=keys, **_at(cursor))
        if self.options.dies_after and self.batches > self.options.dies_after and not self.options.within:
            self._die("before a commit")
        if self.options.lazy:
            self._last[cursor["event_type"], cursor["partition"]] = cursor
        else:
            self._commit([cursor], stream_id)
        if self.options.most and self.events >= self.options.most:
            self.over = True

    def _commit(self, cursors: list[dict[str, str]], stream_id: str) -> None:
        for each in cursors:
            self._write("commits", **_at(each))
        commits = HTTPConnection("127.0.0.1", self.options.port, timeout=30)
        headers = {
            "apiKey": self.options.key,
            "X-Nakadi-StreamId": stream_id,
            "Content-Type": "application/json",
        }
        path = f"/subscriptions/{self.options.subscription}/cursors"
        commits.request("POST", path, json.dumps({"items": cursors}), headers)
        answer = commits.getresponse()
        answer.read()
        commits.close()
        for each in cursors:
            self._write("committed", status=answer.status, **_at(each))

    def _commit_now_and_then(self, stream_id: str, answer: Any) -> None:
        while not answer.isclosed():
            time.sleep(_LAZY)
            if cursors := [self._last.pop(place) for place in list(self._last)]:
                self._commit(cursors, stream_id)

    def _die(self, how: str) -> None:
        self._write("dies", how=how)
        os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, what: str, **about: Any) -> None:
        os.write(self._journal, json.dumps({"what": what, "at": time.time()} | about).encode() + b"\n")


def _at(cursor: dict[str, str]) -> dict[str, Any]:
    offset = int(cursor["offset"].rpartition("-")[2])
    return {"place": f"{cursor['event_type']} {cursor['partition']}", "offset": offset}


if __name__ == "__main__":
    reader = Reader(Options(**json.loads(sys.argv[1])))
    reader.run()
    print(json.dumps({"events": reader.events, "seconds": reader.ended - reader.began}))
