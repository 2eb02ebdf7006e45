"""The processes that send, as attempts name them, and which of those named are dead.

A process is known by its number only among those that are numbered together: of one boot of one machine, and of one container on it.
"""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

CLUSTER = "COMMLOG_CLUSTER"  # the variable by which a supervisor names its cluster to the workers
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4)
_NUMBERED_TOGETHER = Path("/proc/self/ns/pid")  # pid_namespaces(7)


@cache
def _numbering() -> str:
    """What all processes share that are numbered together with this one; empty where the system does not say."""
    try:
        told = f"{_BOOT.read_text()}{_NUMBERED_TOGETHER.readlink()}"
    except OSError:
        return ""
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def here() -> str:
    """How the names of all workers begin that are numbered together with this process."""
    return f"{socket.gethostname()[:60]}:{_numbering()}:"


def of(cluster: str) -> str:
    """How the names of a cluster's workers begin. One that nobody supervises has no name."""
    return f"{here()}{cluster}:"


def name() -> str:
    """This process, as attempts name it."""
    return f"{of(os.environ.get(CLUSTER, ''))}{os.getpid()}"


def dead(worker: str) -> bool:
    """Whether it is known to be gone. Of others than those here nothing is known; one that has ended lives until its parent has seen it."""
    number = worker.rpartition(":")[2]
    if not _numbering() or not worker.startswith(here()) or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass  # another's process, or none's number
    return False
