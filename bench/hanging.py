"""One destination that hangs for ever beside nine good ones: whom does it keep waiting?"""

import threading
import time
from collections import Counter
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median, quantiles

from bench.installation import Installation

COUNT = 300
GOOD = 9


class _Quick(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Hanging(_Quick):
    def do_POST(self) -> None:
        """Read the request, and never answer."""
        time.sleep(3600)


def run(installation: Installation) -> None:
    """A tenth of the messages go to the one that hangs; how long do the others take from enqueued to answered?"""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Hanging if number == 0 else _Quick) for number in range(GOOD + 1)]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = [server.server_address[1] for server in servers]
    with installation.cluster():
        time.sleep(4)
        for number in range(0, COUNT, 10):
            installation.enqueue(*({"type": "WEB_HOOK", "destination": f"http://127.0.0.1:{port}/{number}", "body": "x"} for port in ports))
        log = installation.until(lambda log: sum(message["state"] == "SENT" for message in log) >= COUNT * 9 // 10, within=60)
        sent = [message for message in log if message["state"] == "SENT"]
        waits = [
            (datetime.fromisoformat(message["sendDate"]) - datetime.fromisoformat(message["creationDate"])).total_seconds()
            for message in sent
        ]
    late = quantiles(waits, n=20)[-1]
    print(f"  {len(waits)} to the good ones: median {median(waits):.3f} s, p95 {late:.3f} s, longest {max(waits):.3f} s")
    print(f"  attempts a message: {dict(Counter(len(message['attempts']) for message in sent))}")
