"""Where the demo lives: a directory with its database, journals, logs, outage flags and memory."""

import contextlib
import fcntl
import json
import secrets
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from commlog.demo.environment import DATABASE

BASE = Path(__file__).resolve().parent.parent.parent  # where manage.py is
DEFAULT = BASE / "var" / "demo"
CHANNELS = {"email": "EMAIL", "sms": "SMS", "webhook": "WEB_HOOK"}


class Occupied(Exception):
    """Another demo runs in this directory."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What must be the same at the next start: the ports of the stand-ins and more."""

    smtp: int = 0
    twilio: int = 0
    webhook: int = 0
    secret_key: str = ""
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
        """What has been written down."""
        try:
            return Memory(**json.loads(self._memory.read_text()))
        except (OSError, ValueError, TypeError):
            return Memory()

    @property
    def is_made(self) -> bool:
        """Whether a first start was finished here."""
        return self.read().finished and self.database.exists()

    def prepare(self, *, fresh: bool = False) -> Memory:
        """Take up what is there, or begin anew after a half-made start. Earlier outages end."""
        if fresh or not self.is_made:
            self._empty()
        self.logs.mkdir(parents=True, exist_ok=True)
        memory = self.read()
        if not memory.secret_key:
            self.remember(secret_key=secrets.token_urlsafe(50))
        if not all(map(port_is_free, (memory.smtp, memory.twilio, memory.webhook))) or not memory.webhook:
            # Webhooks of the past may lead to a port of somebody else's on this machine then; nothing is sent
            # to them unless resent.
            self.remember(**dict(zip(("smtp", "twilio", "webhook"), _free_ports(), strict=True)))
        for channel in CHANNELS:
            self.flag(channel).unlink(missing_ok=True)
        return self.read()

    def remember(self, **changed: Any) -> None:
        """Write something else down, all or nothing."""
        draft = self._memory.with_suffix(".new")
        draft.write_text(json.dumps(asdict(replace(self.read(), **changed))))
        draft.replace(self._memory)

    @contextlib.contextmanager
    def occupied(self) -> Iterator[None]:
        """Keep other demos out of here until this process ends, however. Raises Occupied."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Occupied from error
            yield

    def _empty(self) -> None:
        """Remove what a demo makes, and nothing else: --directory may be anywhere."""
        for pattern in (f"{DATABASE}*", "demo.json*", "*.jsonl", "*.outage"):
            for file in self.directory.glob(pattern):
                file.unlink()
        shutil.rmtree(self.logs, ignore_errors=True)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def _free_ports() -> list[int]:
    with contextlib.ExitStack() as stack:  # all held at once, else the same one could be given twice
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        return [server.getsockname()[1] for server in servers]
