"""The current process: its name, whether it is to stop, and its caches.

A process id identifies a process only within one boot of a machine and one container. Workers learn that they
are to stop from an inherited pipe, which closes when their supervisor closes it or is killed: django-q2 tells
them only between two tasks.
"""

import hashlib
import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

CLUSTER = "COMMLOG_CLUSTER"  # the variable by which a supervisor names its cluster to the workers
_STOPPING = "COMMLOG_STOPPING"  # the number of the workers' end of the pipe
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4)
_NUMBERED_TOGETHER = Path("/proc/self/ns/pid")  # pid_namespaces(7)


class _Clearable(Protocol):
    def clear(self) -> None: ...


_Kept = TypeVar("_Kept", bound=_Clearable)


class Process:
    """The current process."""

    def __init__(self) -> None:
        self._forgetting: list[Callable[[], None]] = []

    # --- what it remembers ---

    def keep(self, empty: _Kept) -> _Kept:
        """Return the cache `empty`. It is emptied in a forked child, and before each test."""
        self._forgetting.append(empty.clear)
        return empty

    def at_forget(self, forget: Callable[[], None]) -> Callable[[], None]:
        """Register a function to call then too (decorator).

        It must take no lock: in a child nobody would release it.
        """
        self._forgetting.append(forget)
        return forget

    def forget(self) -> None:
        """Empty all caches, as in a process that has just started."""
        for each in self._forgetting:
            each()

    # --- who it is ---

    @cached_property
    def _numbering(self) -> str:
        """A hash of the boot and the container, which share process ids; "" if unknown."""
        try:
            told = f"{_BOOT.read_text()}{_NUMBERED_TOGETHER.readlink()}"
        except OSError:
            return ""
        return hashlib.sha256(told.encode()).hexdigest()[:8]

    def here(self) -> str:
        """Return the prefix of the names of all workers on this boot and container."""
        return f"{socket.gethostname()[:60]}:{self._numbering}:"

    def of(self, cluster: str) -> str:
        """Return the prefix of the names of a cluster's workers.

        A cluster without a supervisor has no name.
        """
        return f"{self.here()}{cluster}:"

    def name(self) -> str:
        return f"{self.of(os.environ.get(CLUSTER, ''))}{os.getpid()}"

    def knows_dead(self, worker: str) -> bool:
        """Return whether a worker is known to be dead. Of those elsewhere nothing is known."""
        number = worker.rpartition(":")[2]
        if not self._numbering or not worker.startswith(self.here()) or not number.isdecimal():
            return False
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            pass  # another's process, or none's number
        return False

    # --- whether it is to stop ---

    def is_to_stop(self) -> bool:
        """Return whether the process is to take no new work. Always False in an unsupervised cluster."""
        inherited = os.environ.get(_STOPPING)
        return inherited is not None and _hangs_up(int(inherited), 0.0)


class Wish:
    """The supervisor's end of the pipe: one request to stop, for all clusters that it starts."""

    def __init__(self) -> None:
        self.inherited, held = os.pipe()
        self._held = [held]
        self.environment = {_STOPPING: str(self.inherited)}

    @property
    def is_made(self) -> bool:
        """Whether the request was made."""
        return not self._held

    def make(self) -> None:
        """Request the stop, once or more often.

        Safe in a signal handler: it takes no lock, and one step does all.
        """
        with suppress(IndexError):
            os.close(self._held.pop())

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`, or until the request is made. Any number of threads may wait."""
        _hangs_up(self.inherited, seconds)


def _hangs_up(pipe: int, seconds: float) -> bool:
    """Return whether the other end of a pipe is closed, or becomes so within `seconds`."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(1_000 * seconds))


this_process = Process()
# Threads, connections and what was seen lately are the parent's. A child that took its windows for its own
# would wait for threads it lacks.
os.register_at_fork(after_in_child=this_process.forget)
