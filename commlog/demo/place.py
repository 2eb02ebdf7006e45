"""Where the demo lives: a directory with its database, journals, logs, outage flags and memory."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from commlog.demo.environment import DATABASE

BASE = Path(__file__).resolve().parent.parent.parent  # where manage.py is
DEFAULT = BASE / "var" / "demo"
CHANNELS = {"email": "EMAIL", "sms": "SMS", "webhook": "WEB_HOOK"}


class Occupied(Exception):
    """Another demo runs in this directory."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What must be the same at the next start."""

    smtp: int
    twilio: int
    webhook: int
    secret_key: str
    finished: bool = False  # the past has been made


class Place:
    """The directory of a demo."""

    def __init__(self, directory: Path = DEFAULT) -> None:
        self.directory = directory.resolve()
        self.database = self.directory / DATABASE
        self.logs = self.directory / "logs"
        self._memory = self.directory / "demo.json"

    def flag(self, channel: str) -> Path:
        """The file whose existence is an outage of `channel` (email, sms, webhook)."""
        return self.directory / f"{CHANNELS[channel]}.outage"

    def read(self) -> Memory:
        """What the runner has written down."""
        memory = self._read()
        if memory is None:
            raise FileNotFoundError(self._memory)
        return memory

    @property
    def is_made(self) -> bool:
        """Whether a first start was finished here."""
        memory = self._read()
        return memory is not None and memory.finished and self.database.exists()

    def prepare(self, *, fresh: bool = False) -> Memory:
        """Take up what is there, or begin anew after a half-made start. Earlier outages end."""
        memory = self._read()
        if memory is None or not self.is_made or fresh:
            self._empty()
            memory = _with_free_ports(secret_key=secrets.token_urlsafe(50))
        elif not all(map(port_is_free, (memory.smtp, memory.twilio, memory.webhook))):
            # Webhooks of the past then lead to a port of somebody else's on this machine; nothing is sent to
            # them unless resent.
            memory = _with_free_ports(secret_key=memory.secret_key, finished=True)
        for channel in CHANNELS:
            self.flag(channel).unlink(missing_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.remember(memory)
        return memory

    def remember(self, memory: Memory) -> None:
        """Write it down, all or nothing."""
        draft = self._memory.with_suffix(".new")
        draft.write_text(json.dumps(asdict(memory)))
        draft.replace(self._memory)

    @contextlib.contextmanager
    def occupied(self) -> Iterator[None]:
        """Keep other demos out of here until this process ends, however. Raises Occupied."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise Occupied from error
        try:
            yield
        finally:
            os.close(lock)

    @property
    def is_running(self) -> bool:
        """Whether a demo runs here now."""
        if not self.directory.exists():
            return False
        try:
            with self.occupied():
                return False
        except Occupied:
            return True

    def _read(self) -> Memory | None:
        try:
            return Memory(**json.loads(self._memory.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _empty(self) -> None:
        """Remove what a demo makes, and nothing else: --directory may be anywhere."""
        for pattern in (f"{DATABASE}*", "demo.json*", "*.jsonl", "*.outage"):
            for file in self.directory.glob(pattern):
                file.unlink()
        shutil.rmtree(self.logs, ignore_errors=True)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def _with_free_ports(*, secret_key: str, finished: bool = False) -> Memory:
    with contextlib.ExitStack() as stack:  # all held at once, else the same one could be given twice
        smtp, twilio, webhook = (
            stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)
        )
    return Memory(smtp, twilio, webhook, secret_key, finished)
