"""A bulk resend under a cluster: counted, paused, its worker killed, run twice, one cancelled.

Memory and time of each are printed.
"""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.installation import Installation, descendants

ROWS = 50_000
# Below the sender stand the cluster's main, its sentinel, two workers, the monitor and the pusher.
WORKERS = slice(2, 4)


def step(installation: Installation, *arguments: object) -> dict[str, Any]:
    """Run a step of bench.resend_steps."""
    return json.loads(installation.ask(*arguments, of="bench.resend_steps"))


def kill_workers(sender: subprocess.Popen[bytes]) -> None:
    """Kill both workers with SIGKILL: one of them has the job."""
    for pid in descendants(sender.pid)[WORKERS]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Memory(threading.Thread):
    """The largest memory of any process of the cluster while it runs, in MB."""

    def __init__(self, sender: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.sender = sender
        self.seen: list[float] = []
        self.start()

    def run(self) -> None:
        """Measure twice a second."""
        while self.sender.poll() is None:
            self.seen.append(max((_resident(pid) for pid in descendants(self.sender.pid)), default=0.0))
            time.sleep(0.5)


def _resident(pid: int) -> float:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


def storm(installation: Installation, rows: int, pace: str = "") -> dict[str, Any]:
    """Run everything that can happen to a bulk resend of `rows` messages, `pace` a minute.

    Returns what was measured and counted.
    """
    step(installation, "fill", rows)
    first, twin = step(installation, "make", pace), step(installation, "make")
    step(installation, "steer", twin["key"], "pause", "PAUSED")  # it would go on while the first one rests
    with installation.cluster("sender") as sender:
        memory = Memory(sender)
        step(installation, "until", first["key"], "RUNNING", rows // 20)
        paused = step(installation, "steer", first["key"], "pause", "PAUSED")
        step(installation, "steer", first["key"], "resume", "RUNNING")
        kill_workers(sender)
        killed = step(installation, "until", first["key"], "DONE")
        result = step(installation, "result", first["key"])
        step(installation, "steer", twin["key"], "resume", "DONE")
        twice = step(installation, "result", twin["key"])
        step(installation, "fill", 2_000, rows)
        third = step(installation, "make", "600")
        step(installation, "until", third["key"], "RUNNING", 40)
        cancelled = step(installation, "steer", third["key"], "cancel", "CANCELLED")
        rest = step(installation, "result", third["key"])
    found = {
        "first": first,
        "paused": paused,
        "killed": killed,
        "result": result,
        "twice": twice,
        "third": third,
        "cancelled": cancelled,
    }
    return found | {"rest": rest, "memory": memory.seen}


def run(installation: Installation) -> None:
    """Print the results for 50,000 messages."""
    found = storm(installation, ROWS)
    first, result, twice, memory = found["first"], found["result"], found["twice"], found["memory"]
    tenth = max(1, len(memory) // 10)
    print(
        f"  counted {first['preview']:,} in {first['preview_seconds']} s, written down in "
        f"{first['make_seconds']} s"
    )
    print(
        f"  paused within {found['paused']['seconds']} s after {found['paused']['done']:,}; then both "
        "workers killed"
    )
    print(
        f"  done after {result['seconds']} s: {result['lines']}, sum {result['sum']:,} of {result['total']:,}"
    )
    print(
        f"  new entries {result['new']:,} of {result['sources']:,} failed ones; a second run: "
        f"{twice['lines']}, new {twice['new']:,}"
    )
    print(
        f"  the second run took {twice['seconds']} s; 2,000 more were counted in "
        f"{found['third']['preview_seconds']} s"
    )
    print(f"  cancelled within {found['cancelled']['seconds']} s: {found['rest']['lines']}")
    print(
        f"  memory of the largest process: {max(memory[:tenth]):.0f} MB in the first tenth, "
        f"{max(memory):.0f} MB at most"
    )
