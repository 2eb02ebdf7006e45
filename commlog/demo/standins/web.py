"""What both HTTP stand-ins share: a threaded HTTP/1.1 server with kept connections."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from commlog.demo.standins.journal import Journal


class Handler(BaseHTTPRequestHandler):
    """Reads whole bodies and writes an answer in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: "Server"

    def body(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8", **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The journal says it all."""


class Server(ThreadingHTTPServer):
    """Serves on 127.0.0.1 in threads until it is closed."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, handler: type[Handler], journal: Journal, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.journal = journal
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.1,), name=f"{journal.channel}-stand-in", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
