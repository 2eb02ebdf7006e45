"""The demo's child processes: each on a leash, each with a log file of its own.

`python -m commlog.demo.processes PROGRAM ARGUMENT…` is the leash: it runs a program that ends when standard
input does. The demo holds the other end of that pipe. However it ends, even killed, the pipe closes and
nothing of it stays behind.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from commlog.demo.place import BASE

_LONGEST_STOP = 9.0  # seconds; the leash itself kills earlier
_GRACE = 6.0  # seconds to end in good order: a cluster finishes what it is sending
_LOOK = 0.1


class Child(subprocess.Popen[bytes]):
    """A Python program that is stopped, at the latest, when this process ends."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        shown: bool = False,
    ) -> None:
        self.name, self.log = name, log
        with log.open("ab") as file:
            super().__init__(
                [sys.executable, "-m", "commlog.demo.processes", sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=None if shown else file,
                stderr=file,
                cwd=BASE,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in the terminal is the demo's alone
            )

    def let_go(self) -> None:
        """Tell it to stop, without waiting."""
        if self.stdin is not None and not self.stdin.closed:
            self.stdin.close()

    def stop(self) -> None:
        """Tell it to stop, and wait until it has."""
        self.let_go()
        try:
            self.wait(_LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def ended(self) -> int:
        """Wait for its own end; its exit code."""
        while self.poll() is None:
            time.sleep(0.05)  # not wait(): a signal's handler must get its turn
        return int(self.returncode)


class Children:
    """Child processes, stopped together: the first one, whom the others need, at last."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._running[1:]:
            child.let_go()
        for child in reversed(self._running):
            child.stop()

    def start(
        self, name: str, arguments: list[str], *, environment: Mapping[str, str], shown: bool = False
    ) -> Child:
        """Start one; `shown`: what it prints goes to the terminal, its errors to its log all the same."""
        child = Child(name, arguments, environment=environment, log=self._logs / f"{name}.log", shown=shown)
        self._running.append(child)
        return child

    def fallen(self) -> Child | None:
        """One that has ended although nobody stopped it."""
        return next((child for child in self._running if child.poll() is not None), None)

    def forget(self, child: Child) -> None:
        """It has ended, and rightly so."""
        self._running.remove(child)


def last_words(log: Path, lines: int = 5) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main(program: list[str]) -> int:
    """Run it; its exit code."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask)
    child = subprocess.Popen(program, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603  our own programs
    while child.poll() is None and not asked:
        if select.select([0], [], [], _LOOK)[0]:
            asked = not os.read(0, 1024)
    if child.poll() is None:
        _end(child)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # what it has left behind
    return child.wait()


def _end(child: subprocess.Popen[bytes]) -> None:
    # To the program alone, not to its group: a cluster whose workers are told too waits for them for ever.
    child.terminate()
    until = time.monotonic() + _GRACE
    while child.poll() is None and time.monotonic() < until:
        time.sleep(_LOOK / 2)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(abs(main(sys.argv[1:])))
