"""What every stand-in has: its server, its journal and its outage switch."""

import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

DOWN, REFUSING = "down", "refusing"


class Journal:
    """`<channel>.jsonl`, a line a message, written before it is answered.

    While `<channel>.outage` exists beside it, the stand-in refuses everything: in passing, or as that file
    says, for good or as one that is down.
    """

    def __init__(self, directory: Path, channel: str) -> None:
        self.channel = channel
        self.path = directory / f"{channel}.jsonl"
        self.flag = directory / f"{channel}.outage"
        # One write() of a line to an O_APPEND descriptor is not torn, by threads or by processes.
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def is_out(self) -> bool:
        return self.flag.exists()

    def plays(self, kind: str) -> bool:
        """Whether it plays an outage of this kind."""
        return self.is_out and self.flag.read_text() == kind

    def write(self, *, destination: str, key: str, subject: str, body: bytes, size: int, **more: Any) -> None:
        """Record one message. `size` is that of everything that was sent, `body` what is hashed."""
        entry = {
            "at": datetime.now(UTC).isoformat(), "channel": self.channel, "destination": destination,
            "key": key, "subject": subject, "body": hashlib.sha256(body).hexdigest(), "bytes": size, **more,
        }  # fmt: skip
        os.write(self._file, json.dumps(entry).encode() + b"\n")

    def entries(self) -> list[dict[str, Any]]:
        """Everything recorded so far, the oldest first."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def close(self) -> None:
        """Close the file; entries stay readable."""
        os.close(self._file)


class StandIn(ThreadingTCPServer):
    """Serves on 127.0.0.1 in threads until it is closed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, handler: type[StreamRequestHandler], journal: Journal, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.journal = journal
        self.port: int = self.server_address[1]
        name = f"{journal.channel}-stand-in"
        threading.Thread(target=self.serve_forever, args=(0.1,), name=name, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def server_close(self) -> None:
        """Called at the end of a `with`; what the journal holds stays readable."""
        self.shutdown()
        super().server_close()
        self.journal.close()
