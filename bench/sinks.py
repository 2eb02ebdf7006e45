"""python -m bench.sinks: receivers for benchmarks, all in one event loop.

Prints a JSON line with the ports when ready. They accept everything and keep nothing, at a few microseconds
of processor time a message, so that they are never what is measured. Their processor time is in /proc, as for
every process.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.installation import ROOT

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 8\r\n\r\nreceived"
_DONE = b"250 2.0.0 Ok\r\n"


class _Sink(asyncio.Protocol):
    """One connection: collects input and answers what is complete."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start a connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.input = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer all complete requests in one write."""
        self.input += data
        answers = b""
        while answer := self.next_answer():
            answers += answer
        if answers:
            self.transport.write(answers)

    def next_answer(self) -> bytes:
        """Return the answer to the next complete request, or b""."""
        raise NotImplementedError


class HttpSink(_Sink):
    """A server that answers 200 to any request with a Content-Length."""

    def next_answer(self) -> bytes:
        """Remove head and body of a complete request, and return its answer."""
        end = self.input.find(b"\r\n\r\n")
        if end < 0:
            return b""
        found = _LENGTH.search(self.input, 0, end)
        end += 4 + (int(found[1]) if found else 0)
        if len(self.input) < end:
            return b""
        del self.input[:end]
        return self.taken()

    def taken(self) -> bytes:
        """Return the answer to each request."""
        return _TAKEN


class TwilioSink(HttpSink):
    """A server that creates a message resource for each request, as large as Twilio's."""

    made = 0

    def taken(self) -> bytes:
        """Return the same resource with the next number."""
        TwilioSink.made += 1
        sid = f"SM{TwilioSink.made:032x}".encode()
        return _CREATED.replace(b"SID", sid)


def _created() -> bytes:
    uri = f"/2010-04-01/Accounts/AC{'0' * 32}/Messages/SID.json"
    now = "Mon, 01 Jan 2024 10:00:00 +0000"
    body = {
        "account_sid": "AC" + "0" * 32, "api_version": "2010-04-01",
        "body": "Dear Ana, we received your payment of 120.00.", "date_created": now, "date_sent": None,
        "date_updated": now, "direction": "outbound-api", "error_code": None, "error_message": None,
        "from": "+15005550006", "messaging_service_sid": None, "num_media": "0", "num_segments": "1",
        "price": None, "price_unit": "USD", "sid": "SID", "status": "queued",
        "subresource_uris": {"media": uri.replace(".json", "/Media.json")}, "to": "+491700000000", "uri": uri,
    }  # fmt: skip
    text = json.dumps(body).encode()
    length = len(text) + 3 * (34 - len("SID"))
    return b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        length,
        text,
    )


_CREATED = _created()


class SmtpSink(_Sink):
    """RFC 5321's minimum, with PIPELINING."""

    in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the greeting."""
        super().connection_made(transport)
        self.transport.write(b"220 sink.invalid ESMTP\r\n")

    def next_answer(self) -> bytes:
        """Answer a line, or a whole message after DATA."""
        end = self.input.find(b"\r\n.\r\n" if self.in_data else b"\r\n")
        if end < 0:
            return b""
        if self.in_data:
            del self.input[: end + 5]
            self.in_data = False
            return _DONE
        verb = bytes(self.input[:4]).upper()
        del self.input[: end + 2]
        if verb == b"DATA":
            self.in_data = True
            return b"354 End data with <CR><LF>.<CR><LF>\r\n"
        if verb == b"QUIT":
            return b"221 2.0.0 Bye\r\n"
        return (
            b"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
            if verb == b"EHLO"
            else _DONE
        )


def spent(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running() -> Iterator[tuple[int, dict[str, int]]]:
    """Yield the process id of the receivers, and their ports."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.sinks"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as sinks:
        try:
            yield sinks.pid, json.loads(sinks.stdout.readline() if sinks.stdout else "")
        finally:
            sinks.terminate()


async def _serve() -> None:
    loop, ports = asyncio.get_running_loop(), {}
    for name, protocol in (("smtp", SmtpSink), ("webhook", HttpSink), ("twilio", TwilioSink)):
        server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=512)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
