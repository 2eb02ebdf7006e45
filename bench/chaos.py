"""python -m bench.chaos: faults while messages are sent, and an audit of what became of each message.

A seed is printed; with --seed the same choices are made again (the machine's own timing is not replayed).
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.installation import ROOT, Installation, descendants, installed, kill_group, mixed

ALL_FINAL_WITHIN = 60.0  # seconds after the last fault


class Run:
    """One installation under faults: its senders, and who is killed next."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self.installation = installation
        self.chance = chance
        self.keys: list[str] = []
        self.sender: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the senders, as a service manager would."""
        with (self.installation.directory / "sender.log").open("ab") as log:
            self.sender = subprocess.Popen(
                [sys.executable, "manage.py", "sender"],
                cwd=ROOT,
                env=self.installation.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def enqueue(self, count: int) -> None:
        """Store mixed messages."""
        self.keys += self.installation.enqueue(*mixed(self.installation.providers, count, first=len(self.keys)))

    def processes(self) -> list[int]:
        """The sender and everything below it."""
        return [self.sender.pid, *descendants(self.sender.pid)] if self.sender else []

    def strike(self, number: signal.Signals) -> None:
        """A signal to one of the processes; a killed sender takes its cluster along and is started anew (KillMode=control-group)."""
        alive = self.processes()
        victim = self.chance.choice(alive)
        if self.sender is not None and victim == self.sender.pid and number == signal.SIGKILL:
            for pid in reversed(alive):
                _signal(pid, signal.SIGKILL)
            self.sender.wait()
            self.start()
        else:
            _signal(victim, number)

    def pending(self) -> int:
        """How many messages are not final."""
        script = "from notifications.models import Message; print(Message.objects.live().count())"
        return int(self.installation.manage("shell", "--no-imports", "-c", script).split()[-1])

    def settle(self) -> float:
        """Wait until all are final; how long it took, in seconds."""
        began = time.monotonic()
        while self.pending():
            if time.monotonic() - began > ALL_FINAL_WITHIN * 3:
                break
            time.sleep(0.5)
        return time.monotonic() - began

    def stop(self) -> float:
        """Stop the senders as a service manager would; how long it took, in seconds."""
        if self.sender is None:
            return 0.0
        began = time.monotonic()
        self.sender.send_signal(signal.SIGTERM)
        self.sender.wait(timeout=90)
        return time.monotonic() - began

    def audit(self) -> dict[str, object]:
        """What database and journals say."""
        keys = self.installation.directory / "keys"
        keys.write_text("\n".join(self.keys))
        command = [sys.executable, "-m", "bench.audit", str(self.installation.directory / "providers"), str(keys)]
        done = subprocess.run(command, cwd=ROOT, env=self.installation.environment, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it was gone already


def kill_storm(run: Run, quick: bool) -> None:
    """SIGKILL of any process, again and again, while messages are being sent."""
    kills = 15 if quick else 100
    total = 600 if quick else 5_000
    run.start()
    run.enqueue(total // 2)
    for number in range(kills):
        if number == kills // 3:
            run.enqueue(total - total // 2)
        time.sleep(run.chance.uniform(0.05, 1.0))
        run.strike(signal.SIGKILL)
    print(f"  {kills} kills, then all final after {run.settle():.1f} s")


def freezes(run: Run, quick: bool) -> None:
    """SIGSTOP of a whole cluster for longer than a lease, then SIGCONT: results come late, permits have lapsed."""
    run.start()
    time.sleep(3)
    run.enqueue(300 if quick else 1_000)
    for _ in range(1 if quick else 3):
        time.sleep(run.chance.uniform(0.2, 1.0))
        stopped = descendants(run.sender.pid) if run.sender else []
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        time.sleep(22)
        for pid in stopped:
            _signal(pid, signal.SIGCONT)
    print(f"  all final after {run.settle():.1f} s")


def clean_stops(run: Run, quick: bool) -> None:
    """SIGTERM under load: what is under way is finished, nothing is unknown."""
    slowest = 0.0
    run.enqueue(500 if quick else 3_000)
    for _ in range(2 if quick else 6):
        run.start()
        time.sleep(run.chance.uniform(2.0, 4.0))
        slowest = max(slowest, run.stop())
    run.start()
    print(f"  slowest stop {slowest:.1f} s; all final after {run.settle():.1f} s")
    attempts = run.audit()["attempts"]
    if isinstance(attempts, dict) and set(attempts) != {"ACCEPTED"}:
        raise SystemExit(f"  a clean stop left attempts {attempts}")


PROGRAMMES: dict[str, Callable[[Run, bool], None]] = {"kill_storm": kill_storm, "freezes": freezes, "clean_stops": clean_stops}


def main() -> int:
    """Run the programmes; 1 where an invariant is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMMES))
    parser.add_argument("--quick", action="store_true", help="a short run of each")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--server", default="", help="a PostgreSQL server, postgres://user@host:5432/postgres; default: SQLite only")
    options = parser.parse_args()
    failed = False
    for server in dict.fromkeys(["", options.server]):
        for name in options.names or PROGRAMMES:
            print(f"\n{name} on {'PostgreSQL' if server else 'SQLite'}, seed {options.seed}: {PROGRAMMES[name].__doc__}", flush=True)
            failed |= _one(name, server, options.seed, options.quick)
    return int(failed)


def _one(name: str, server: str, seed: int, quick: bool) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, installed(Path(directory), server) as installation:
        run = Run(installation, random.Random(seed))
        try:
            PROGRAMMES[name](run, quick)
            run.stop()
        finally:
            for pid in reversed(run.processes()):
                _signal(pid, signal.SIGKILL)
            if run.sender is not None:
                kill_group(run.sender)
        report = run.audit()
    broken = report.pop("broken")
    print(f"  {json.dumps(report)}")
    print(f"  broken: {json.dumps(broken) if broken else 'nothing'} ({time.monotonic() - began:.0f} s)", flush=True)
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
