"""This process: who it is, whether it is to stop, and what it remembers that another one must not.

A number names a process only among those numbered together: one boot of a machine, one container. Workers
learn that they are to stop by an inherited pipe, which their supervisor closes, also by being killed:
django-q2 tells them only between two tasks.
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
    """A process among others, as itself."""

    def __init__(self) -> None:
        self._forgetting: list[Callable[[], None]] = []

    # --- what it remembers ---

    def keep(self, empty: _Kept) -> _Kept:
        """Return it, to be filled: it is emptied in a forked child, and before each test."""
        self._forgetting.append(empty.clear)
        return empty

    def at_forget(self, forget: Callable[[], None]) -> Callable[[], None]:
        """Have this called then too (decorator). No locks: in a child nobody would open them."""
        self._forgetting.append(forget)
        return forget

    def forget(self) -> None:
        """Begin anew, as a process that has just been started."""
        for each in self._forgetting:
            each()

    # --- who it is ---

    @cached_property
    def _numbering(self) -> str:
        """What all processes numbered together with this one share; empty if unknown."""
        try:
            told = f"{_BOOT.read_text()}{_NUMBERED_TOGETHER.readlink()}"
        except OSError:
            return ""
        return hashlib.sha256(told.encode()).hexdigest()[:8]

    def here(self) -> str:
        """Return how the names of all workers begin that are numbered together with this process."""
        return f"{socket.gethostname()[:60]}:{self._numbering}:"

    def of(self, cluster: str) -> str:
        """Return how the names of a cluster's workers begin. One that nobody supervises has no name."""
        return f"{self.here()}{cluster}:"

    def name(self) -> str:
        return f"{self.of(os.environ.get(CLUSTER, ''))}{os.getpid()}"

    def knows_dead(self, worker: str) -> bool:
        """Whether a worker is known to be gone; of others than those here nothing is known."""
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
        """Return whether it is to take nothing new. Never where nobody supervises the cluster."""
        inherited = os.environ.get(_STOPPING)
        return inherited is not None and _hangs_up(int(inherited), 0.0)


class Wish:
    """The supervisor's side: one wish to stop, for all clusters that it starts."""

    def __init__(self) -> None:
        self.inherited, held = os.pipe()
        self._held = [held]
        self.environment = {_STOPPING: str(self.inherited)}

    @property
    def is_made(self) -> bool:
        """Whether all of it is to stop."""
        return not self._held

    def make(self) -> None:
        """Once or more often, also from a signal handler: it takes no lock, and no step can come between."""
        with suppress(IndexError):
            os.close(self._held.pop())

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until it is made. Any number of threads may."""
        _hangs_up(self.inherited, seconds)


def _hangs_up(pipe: int, seconds: float) -> bool:
    """Whether the other end of a pipe is closed, or is within so many seconds."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(1_000 * seconds))


this_process = Process()
# Threads, connections and what was seen lately are the parent's. A child that took its windows for its own
# would wait for threads it lacks.
os.register_at_fork(after_in_child=this_process.forget)
