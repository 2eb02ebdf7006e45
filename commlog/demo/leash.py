"""python -m commlog.demo.leash PROGRAM ARGUMENT…: runs a program that ends when standard input does.

The demo holds the other end of that pipe. However it ends, even killed, the pipe closes and nothing of it stays behind.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

_GRACE = 6.0  # seconds to end in good order: a cluster finishes what it is sending
_LOOK = 0.1


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
