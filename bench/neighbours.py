"""Twenty broken and two hundred healthy destinations of one lane: delays, and the cost of an outage."""

import asyncio
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import parse_qs

from bench.installation import Installation

BROKEN, HEALTHY = 20, 200
PHASE = 40  # seconds
OUTAGE = 600  # seconds
_EVERY = 1.0  # seconds between batches
_SETTLES = 20.0  # seconds after the repair before the log is read
_OTHER = 6  # messages to others in an outage, every second


@dataclass
class _Receiver:
    """An event-loop server: webhooks at any path, and Twilio's REST API.

    `broken` destinations are answered with 503; with `down`, all are.
    """

    broken: set[str] = field(default_factory=set)
    down: bool = False
    port: int = 0

    def start(self) -> None:
        """Serve in a thread."""
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await server.serve_forever()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:  # the connection has ended
                writer.close()
                return
            length = next(
                (
                    int(line[15:])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            body = (await reader.readexactly(length)).decode()
            path = head.split(b" ", 2)[1].decode()
            bad = self.down or parse_qs(body).get("To", [path])[0] in self.broken
            said = json.dumps({"sid": f"SM{time.monotonic_ns():032d}", "status": "sent"})
            status = "503 Service Unavailable" if bad else "201 Created"
            answer = "" if bad else said
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: "
                f"{len(answer)}\r\n\r\n{answer}".encode()
            )
            await writer.drain()


def run(installation: Installation) -> None:
    """Measure webhooks of one host, then SMS.

    The twenty are healthy, broken, then repaired; then everything is broken for ten minutes.
    """
    for channel in ("WEB_HOOK", "SMS"):
        receiver = _Receiver()
        receiver.start()
        addresses = [_address(channel, receiver.port, number) for number in range(BROKEN + HEALTHY)]
        with installation.cluster(TWILIO_API_URL=f"http://127.0.0.1:{receiver.port}"):
            time.sleep(4)
            broken = addresses[:BROKEN]
            for title, failing in (("before", []), ("while twenty fail", broken), ("after", [])):
                receiver.broken = {_known_as(each) for each in failing}
                _phase(installation, f"{channel} {title}", addresses, ill=set(broken))
            _outage(installation, channel, receiver, addresses)


def _address(channel: str, port: int, number: int) -> str:
    return f"+4915{number:09}" if channel == "SMS" else f"http://127.0.0.1:{port}/hooks/{number}"


def _known_as(address: str) -> str:
    return address if address.startswith("+") else "/" + address.split("/", 3)[3]


def _phase(installation: Installation, title: str, addresses: list[str], *, ill: set[str]) -> None:
    """Send a message to each destination every four seconds; print the times of the healthy ones."""
    keys, batch, began = set[str](), len(addresses) // 4, time.monotonic()
    for second in range(PHASE):
        keys |= set(
            _enqueue(
                installation, [addresses[(second * batch + each) % len(addresses)] for each in range(batch)]
            )
        )
        time.sleep(max(0.0, began + (second + 1) * _EVERY - time.monotonic()))

    def healthy(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in log if each["encodedKey"] in keys and each["destination"] not in ill]

    log = installation.until(
        lambda log: all(each["state"] in ("SENT", "FAILED") for each in healthy(log)), within=120
    )
    waits = sorted(_wait(each) for each in healthy(log) if each["state"] == "SENT")
    states = Counter(each["state"] for each in healthy(log))
    late = sum(wait > 2 for wait in waits)
    others = Counter(
        each["state"] for each in log if each["encodedKey"] in keys and each["destination"] in ill
    )
    print(
        f"  {title}: healthy {dict(states)}, p95 {quantiles(waits, n=20)[-1]:.2f} s, longest {waits[-1]:.2f} "
        f"s, {late} later than 2 s; "
        f"the twenty {dict(others)}",
        flush=True,
    )


def _outage(installation: Installation, channel: str, receiver: _Receiver, addresses: list[str]) -> None:
    """Refuse everything for ten minutes while messages come; print how long each takes after the repair."""
    receiver.down, keys, began, at = True, set[str](), time.monotonic(), 0
    while time.monotonic() < began + OUTAGE:
        keys |= set(
            _enqueue(installation, [addresses[(at + each) % len(addresses)] for each in range(_OTHER)])
        )
        at += _OTHER
        time.sleep(_EVERY)
    receiver.down, repaired = False, datetime.now(UTC)
    time.sleep(_SETTLES)  # reading the log takes a core from the senders

    def states(log: list[dict[str, Any]]) -> Counter[str]:
        return Counter(each["state"] for each in log if each["encodedKey"] in keys)

    log = installation.until(lambda log: set(states(log)) <= {"SENT", "FAILED"}, within=300)
    waits = sorted(
        (datetime.fromisoformat(each["sendDate"]) - repaired).total_seconds()
        for each in log
        if each["state"] == "SENT"
    )
    after = [each for each in waits if each > 0]
    print(
        f"  {channel} all refused for {OUTAGE} s: {dict(states(log))}; after the repair the first after "
        f"{after[0]:.1f} s, half after "
        f"{median(after):.1f} s, the last of {len(after)} after {after[-1]:.1f} s",
        flush=True,
    )


def _enqueue(installation: Installation, addresses: list[str]) -> list[str]:
    """Store messages by the long-running process, and return their keys."""
    file = Path(installation.directory) / "batch.jsonl"
    kind = "SMS" if addresses[0].startswith("+") else "WEB_HOOK"
    file.write_text(
        "\n".join(json.dumps({"type": kind, "destination": each, "body": "x"}) for each in addresses)
    )
    return installation.ask("enqueue", str(file)).split()


def _wait(message: dict[str, Any]) -> float:
    return (
        datetime.fromisoformat(message["sendDate"]) - datetime.fromisoformat(message["creationDate"])
    ).total_seconds()
