"""One destination that hangs for ever beside nine others, all fast or one slow, and their delays."""

import threading
import time
from collections import Counter
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median, quantiles
from typing import Any

from bench.installation import Installation

COUNT = 300
SLOW = 1.5  # seconds


class _Quick(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer at once."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Slow(_Quick):
    def do_POST(self) -> None:
        """Answer after SLOW seconds."""
        time.sleep(SLOW)
        super().do_POST()


class _Hanging(_Quick):
    def do_POST(self) -> None:
        """Never answer."""
        time.sleep(3600)


def run(installation: Installation) -> None:
    """Send a tenth of the messages to the hanging destination, and time the others.

    Times are from enqueue to answer.
    """
    with installation.cluster():
        time.sleep(4)
        for title, kinds in (
            ("nine good ones", [_Quick] * 9),
            (f"one that takes {SLOW} s and eight good ones", [_Slow] + [_Quick] * 8),
        ):
            print(f"  {title}:")
            ports = [_serve(kind) for kind in (_Hanging, *kinds)]
            for number in range(0, COUNT, 10):
                installation.enqueue(
                    *(
                        {"type": "WEB_HOOK", "destination": f"http://127.0.0.1:{port}/{number}", "body": "x"}
                        for port in ports
                    )
                )
            sent = _sent(installation, ports[1:])
            for kind in dict.fromkeys(kinds):
                addresses = tuple(
                    f"http://127.0.0.1:{port}/"
                    for port, each in zip(ports[1:], kinds, strict=True)
                    if each is kind
                )
                waits = [_wait(message) for message in sent if message["destination"].startswith(addresses)]
                late = quantiles(waits, n=20)[-1]
                name = "slow" if kind is _Slow else "good"
                print(
                    f"    {len(waits)} to the {name}: median {median(waits):.3f} s, p95 {late:.3f} s, "
                    f"longest {max(waits):.3f} s"
                )
            print(f"    attempts a message: {dict(Counter(len(message['attempts']) for message in sent))}")


def _serve(kind: type[_Quick]) -> int:
    """Start a server and return its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def _sent(installation: Installation, ports: list[int]) -> list[dict[str, Any]]:
    """Return the messages to these ports once all of them are sent."""
    addresses = tuple(f"http://127.0.0.1:{port}/" for port in ports)

    def chosen(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            message
            for message in log
            if message["state"] == "SENT" and message["destination"].startswith(addresses)
        ]

    return chosen(installation.until(lambda log: len(chosen(log)) >= COUNT * 9 // 10, within=60))


def _wait(message: dict[str, Any]) -> float:
    return (
        datetime.fromisoformat(message["sendDate"]) - datetime.fromisoformat(message["creationDate"])
    ).total_seconds()
