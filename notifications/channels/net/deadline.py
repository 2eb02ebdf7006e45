"""One deadline over a whole conversation, whatever the other side does.

Timeouts of `socket`, `smtplib` and `requests` apply to one read: a byte a second keeps a sender busy for
ever. One thread shuts the socket of each conversation whose time is up; the blocked read then ends at once.
"""

import contextlib
import os
import socket
import threading
import time
from typing import Self

TICK = 0.05  # seconds; how late a conversation may be cut


class DeadlineExceeded(TimeoutError):
    """The conversation took too long."""


class Deadline:
    """A context that ends `seconds` after it was made, give or take a TICK. Watches one socket."""

    __slots__ = ("_done", "_socket", "at", "expired", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self.expired = False  # True once the watchdog has cut the conversation
        self._socket: socket.socket | None = None
        self._done = False

    def __enter__(self) -> Self:
        _watchdog.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        _watchdog.remove(self)
        with _cutting:
            self._done = True
            self._socket = None

    def remaining(self) -> float:
        """Return the seconds left, above zero. Raises DeadlineExceeded if there are none."""
        left = self.at - time.monotonic()
        if left <= 0 or self.expired:
            raise DeadlineExceeded(f"not finished within {self.seconds:g} seconds")
        return left

    def watch(self, sock: socket.socket) -> None:
        """Make this the socket to shut. Raises DeadlineExceeded if time is already up."""
        self._socket = sock
        self.remaining()

    def cut(self) -> None:
        """Shut the socket, unless the conversation has ended: it may already serve the next one."""
        with _cutting:
            if self._done:
                return
            self.expired = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not sock.shutdown(): that of an SSLSocket drops its TLS state under the hands of the
                    # thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watchdog:
    """The thread that enforces deadlines. It starts with the first one and sleeps while there is none."""

    def __init__(self) -> None:
        self._live: dict[int, Deadline] = {}
        self._busy = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        self._live[id(deadline)] = deadline  # one operation of a dict needs no lock
        if not self._busy.is_set():
            self._busy.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def remove(self, deadline: Deadline) -> None:
        self._live.pop(id(deadline), None)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread  # not before it runs: without it nothing ends a conversation

    def _run(self) -> None:
        while True:
            self._busy.wait()
            time.sleep(TICK)
            if not self._live:
                self._busy.clear()
                if self._live:  # one came in between; it saw the event set and did not set it
                    self._busy.set()
                continue
            now = time.monotonic()
            for deadline in list(self._live.values()):
                if deadline.at <= now:
                    deadline.cut()
                    self.remove(deadline)


_cutting = threading.Lock()
_watchdog = _Watchdog()


def _after_fork() -> None:
    """Reset the watchdog in a forked child, which has the parent's objects but not its threads."""
    global _watchdog, _cutting
    _cutting = threading.Lock()
    _watchdog = _Watchdog()


os.register_at_fork(after_in_child=_after_fork)
