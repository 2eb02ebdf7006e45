"""Two sender hosts on one database: network namespaces with clocks five seconds apart.

One is killed, the other is cut off.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from bench.installation import ROOT
from bench.postgres import Server, own_server
from bench.restarts import Load
from bench.run import Run, running, send_signal

NETWORK = "10.213.0.0/16"
APART = 5  # seconds between the clocks
CUT_OFF = 30.0  # seconds
RATE, PACE, CAP = 20.0, 10.0, 10  # of the lanes of SMS and e-mail, a second; of the webhooks' lane, at once
_GROWTH = 1.02  # a second, of a pace that a provider has asked for
_MOST_USED = 1.1  # what was claimed just before may arrive within the same ten seconds


def _shim(directory: Path) -> Path | None:
    """Build a library that sets a process's clock ahead. Debian's libfaketime breaks Python's time.sleep."""
    compiler, shim = shutil.which("cc"), directory / "ahead.so"
    if compiler:
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("ahead.c")], check=True
        )
    return shim if compiler else None


class Host:
    """A host with its own network, name and clock; its providers answer at its own 127.0.0.1."""

    def __init__(self, run: Run, number: int, server: Server, ahead: int) -> None:
        self.name = f"commlog{os.getpid() % 10_000}h{number}"
        self.link = f"cl{os.getpid() % 10_000}h{number}"
        self._run, self._net = run, f"10.213.{number}"
        url = run.installation.environment["DATABASE_URL"].replace("127.0.0.1", f"{self._net}.1")
        self.environment = run.installation.environment | {"DATABASE_URL": url}
        if ahead and (shim := _shim(run.installation.directory)):
            self.environment |= {"LD_PRELOAD": str(shim), "AHEAD": str(ahead)}
        self.sender: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        """Create the namespace and its link to the database.

        Raises CalledProcessError if that is not allowed.
        """
        inside = ["ip", "-n", self.name]
        for command in (
            ["ip", "netns", "add", self.name],
            ["ip", "link", "add", self.link, "type", "veth", "peer", "name", "db", "netns", self.name],
            ["ip", "address", "add", f"{self._net}.1/24", "dev", self.link],
            ["ip", "link", "set", self.link, "up"],
            [*inside, "address", "add", f"{self._net}.2/24", "dev", "db"],
            [*inside, "link", "set", "db", "up"],
            [*inside, "link", "set", "lo", "up"],
        ):
            subprocess.run(command, check=True, capture_output=True)

    def disconnect(self) -> None:
        """Remove the namespace and its link."""
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self.link], capture_output=True, check=False)

    def cut(self, off: bool) -> None:
        """Cut the link to the database, or restore it."""
        subprocess.run(["ip", "link", "set", self.link, "down" if off else "up"], check=True)

    def provide(self) -> subprocess.Popen[bytes]:
        """Start the providers of this host; those of all hosts write into the same journals."""
        ports = self._run.installation.providers.ports()
        options = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
        directory = self._run.installation.directory / "providers"
        return self._begin(
            [sys.executable, "-m", "bench.standins", str(directory), *options],
            dict(os.environ),
            "standins",
        )

    def start(self) -> None:
        """Start its senders."""
        self.sender = self._begin([sys.executable, "manage.py", "sender"], self.environment, "sender")

    def _begin(self, command: list[str], environment: dict[str, str], log: str) -> subprocess.Popen[bytes]:
        inside = [
            "ip",
            "netns",
            "exec",
            self.name,
            "unshare",
            "--uts",
            "sh",
            "-c",
            'hostname "$0" && exec "$@"',
            self.name,
        ]
        with (self._run.installation.directory / f"{self.name}.{log}.log").open("ab") as file:
            return subprocess.Popen(
                [*inside, *command],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill all its processes at once, like a power cut."""
        for pid in self._processes():
            send_signal(pid, signal.SIGKILL)
        if self.sender:
            self.sender.wait()

    def _processes(self) -> list[int]:
        mine, found = f"DATABASE_URL={self.environment['DATABASE_URL']}".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mine in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def stop(self) -> None:
        """Stop its senders as a service manager does."""
        if self.sender:
            self.sender.send_signal(signal.SIGTERM)
            self.sender.wait(timeout=90)

    def ended(self) -> int:
        """Return how many attempts of its workers were accepted."""
        return self._run.ask(
            f"SELECT COUNT(*) FROM notifications_attempt WHERE worker LIKE '{self.name}:%' AND outcome = "
            "'ACCEPTED'"
        )[0]


def hosts(chance: random.Random, quick: bool, _: str) -> bool:
    """Two hosts, clocks 5 s apart: one killed, one cut off for 30 s, PostgreSQL restarted; lanes' limits."""
    with own_server(NETWORK) as server, running(chance, server.url) as run, ExitStack() as stack:
        try:
            one, two = (
                stack.enter_context(_host(run, number, server, ahead))
                for number, ahead in ((1, 0), (2, APART))
            )
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"  not run: this needs root and network namespaces ({error})")
            return False
        print(
            f"  clocks {APART} s apart"
            if "AHEAD" in two.environment
            else "  one clock: there is no C compiler",
            flush=True,
        )
        run.enqueue(2_000)  # more than the limited lanes may send while the first faults happen
        limited = _limit(run)
        watch = _Watch(run)
        load = Load(run)
        for each in (one, two, watch, load):
            each.start()
        _until(lambda: one.ended() and two.ended())
        _say(run, one, two, "both at work")
        two.kill()
        time.sleep(chance.uniform(5.0, 10.0))
        before = two.ended()
        two.start()
        _until(lambda: two.ended() > before)
        _say(run, one, two, "the second was killed and is back")
        one.cut(True)
        time.sleep(CUT_OFF)
        one.cut(False)
        back = time.monotonic()
        before = one.ended()
        _until(lambda: one.ended() > before)
        print(
            f"  the first was cut off for {CUT_OFF:.0f} s; its first result came "
            f"{time.monotonic() - back:.1f} s after",
            flush=True,
        )
        for mode in ("fast", "immediate"):
            server.stop(mode)
            time.sleep(chance.uniform(1.0, 4.0))
            server.start()
            time.sleep(4 if quick else 12)
        _say(run, one, two, "PostgreSQL was restarted twice")
        load.end()
        print(f"  {load.stored} batches stored, {load.refused} refused; all final after {run.settle():.1f} s")
        watch.end()
        for each in (one, two):
            each.stop()
        _judge_limits(run, limited, watch)
        return run.report()


@contextmanager
def _host(run: Run, number: int, server: Server, ahead: int) -> Iterator[Host]:
    """Yield a host with its providers; nothing of it is left afterwards."""
    host = Host(run, number, server, ahead)
    providers = None
    try:
        host.connect()
        providers = host.provide()
        yield host
    finally:
        host.kill()
        if providers:
            providers.kill()
            providers.wait()
        host.disconnect()


def _until(holds: Callable[[], object]) -> None:
    """Wait until `holds` returns true, for a minute at most."""
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)


def _say(run: Run, one: Host, two: Host, what: str) -> None:
    print(
        f"  {what}: {one.ended()} and {two.ended()} messages accepted by the two, {run.pending()} wait",
        flush=True,
    )


def _change(run: Run, statement: str) -> None:
    import psycopg

    with psycopg.connect(run.installation.environment["DATABASE_URL"], autocommit=True) as database:
        database.execute(statement)


def _limit(run: Run) -> float:
    """Set a rate by hand, a pace as asked for by a provider, and a cap. Returns the time, in Unix seconds."""
    _change(run, f"UPDATE notifications_lane SET rate = {RATE} WHERE channel = 'SMS'")
    _change(
        run,
        f"UPDATE notifications_lane SET pace = {PACE}, paced_at = extract(epoch FROM clock_timestamp()), "
        "tokens = 0, "
        "tokens_at = extract(epoch FROM clock_timestamp()) WHERE channel = 'EMAIL'",
    )
    _change(run, f"UPDATE notifications_lane SET cap = {CAP} WHERE channel = 'WEB_HOOK'")
    return time.time()


class _Watch(threading.Thread):
    """A thread that counts the webhooks claimed at once, as often as it can."""

    def __init__(self, run: Run) -> None:
        super().__init__(daemon=True)
        self._watched = run
        self._enough = threading.Event()
        self.claimed: Counter[int] = Counter()

    def run(self) -> None:
        """Count until told to end; PostgreSQL may be away."""
        query = (
            "SELECT COUNT(*) FROM notifications_message WHERE type = 'WEB_HOOK' AND lease_until IS NOT NULL"
        )
        while not self._enough.wait(0.05):
            with suppress(Exception):
                self.claimed[self._watched.ask(query)[0]] += 1

    def end(self) -> None:
        """End the thread."""
        self._enough.set()
        self.join()


def _judge_limits(run: Run, since: float, watch: _Watch) -> None:
    """Compare what providers received in any ten seconds with what the lane's limit allowed."""
    for channel, limit, growth in (("SMS", RATE, 1.0), ("EMAIL", PACE, _GROWTH)):
        times = sorted(
            datetime.fromisoformat(entry["at"]).timestamp()
            for entry in run.installation.providers.journal(channel)
        )
        used = max(
            sum(start <= each < start + 10 for each in times) / (10 * limit * growth ** (start + 10 - since))
            for start in times
        )
        print(f"  {channel}: at most {used:.0%} of what its limit allows in ten seconds")
        run.promise(used <= _MOST_USED, f"{channel}: {used:.0%} of what its limit allows in ten seconds")
    most = max(watch.claimed, default=0)
    print(f"  webhooks: at most {most} claimed at once in {watch.claimed.total()} looks, {CAP} allowed")
    run.promise(most <= CAP, f"{most} webhooks claimed at once, {CAP} allowed")
