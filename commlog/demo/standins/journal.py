"""What a stand-in got, a JSON line each, written before it answers; and its outage switch."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """`<channel>.jsonl` in a directory, and beside it `<channel>.outage`: while that file exists, the
    stand-in refuses everything.
    """

    def __init__(self, directory: Path, channel: str) -> None:
        self.channel = channel
        self.path = directory / f"{channel}.jsonl"
        self.flag = directory / f"{channel}.outage"
        # One write() of a line to an O_APPEND descriptor is not torn, by threads or by processes.
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def is_out(self) -> bool:
        """Whether an outage is being played."""
        return self.flag.exists()

    def write(self, *, destination: str, key: str, subject: str, body: bytes, size: int, **more: Any) -> None:
        """Record one message. `size` is that of everything that was sent, `body` what is hashed."""
        entry = {
            "at": datetime.now(UTC).isoformat(),
            "channel": self.channel,
            "destination": destination,
            "key": key,
            "subject": subject,
            "body": hashlib.sha256(body).hexdigest(),
            "bytes": size,
            **more,
        }
        os.write(self._file, json.dumps(entry).encode() + b"\n")

    def entries(self) -> list[dict[str, Any]]:
        """Everything recorded so far, the oldest first."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def close(self) -> None:
        """Close the file; entries stay readable."""
        os.close(self._file)
