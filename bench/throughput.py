"""The speed of queued messages: Commlog beside bare loops of smtplib and requests, and django-post-office.

The runs are interleaved. Each contender is a process of its own that times itself (bench/contenders.py); all
send to the same receivers, an event loop in a process of its own too (bench/sinks.py). Commlog runs with its
usual two workers. django-post-office runs at its best: send_many, BATCH_SIZE 1000, no logs, and the better of
one process and two. A bare loop is one thread with one connection.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench import sinks
from bench.installation import ROOT, Installation, descendants, new_database, production
from commlog.demo import standins

ROUNDS = 5
COUNT = 2_000
CONTENDERS = (
    "smtplib", "requests WEB_HOOK", "requests SMS", "post_office 1", "post_office 2", "commlog EMAIL",
    "commlog WEB_HOOK", "commlog SMS",
)  # fmt: skip


class Measured:
    """The results by contender: messages a second, and microseconds of processor time a message."""

    def __init__(self) -> None:
        self.rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        self.senders: dict[str, list[float]] = {name: [] for name in CONTENDERS}  # of Commlog's processes
        self.sinks: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        # Of a processor that the receivers used meanwhile.
        self.shares: dict[str, list[float]] = {name: [] for name in CONTENDERS}


def run(installation: Installation) -> None:
    """Interleave the contenders on this installation's database, and print medians and ratios."""
    with sinks.running() as (pid, ports), tempfile.TemporaryDirectory() as directory:
        _report(_rounds(installation, ports, pid, Path(directory)))


def _rounds(installation: Installation, ports: dict[str, int], receivers: int, directory: Path) -> Measured:
    providers = standins.environment(smtp=ports["smtp"], twilio=ports["twilio"])
    receiving = {"SINK_SMTP": str(ports["smtp"]), "SINK_HTTP": str(ports["webhook"])}
    installation.environment |= production() | providers | receiving
    url = installation.environment["DATABASE_URL"]
    server = "" if url.startswith("sqlite") else url
    measured = Measured()
    with new_database(server, directory) as other, installation.cluster() as cluster:
        _contend("prepare post_office", installation.environment | {"DATABASE_URL": other}, 0)
        for channel in ("EMAIL", "WEB_HOOK", "SMS"):
            _contend(f"commlog {channel}", installation.environment, 200)  # connections and code are warm
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                database = other if name.startswith("post_office") else url
                before, began = (_senders(cluster.pid), sinks.spent(receivers)), time.monotonic()
                rate = _contend(name, installation.environment | {"DATABASE_URL": database}, COUNT)
                took, sunk = time.monotonic() - began, sinks.spent(receivers) - before[1]
                measured.rates[name].append(rate)
                measured.senders[name].append((_senders(cluster.pid) - before[0]) / COUNT * 1e6)
                measured.sinks[name].append(sunk / COUNT * 1e6)
                measured.shares[name].append(sunk / min(took, COUNT / rate))
    return measured


def _senders(cluster: int) -> float:
    return sum(map(sinks.spent, [cluster, *descendants(cluster)]))


def _contend(name: str, environment: dict[str, str], count: int) -> float:
    command = [sys.executable, "-m", "bench.contenders", *name.split(), str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split()[-1])


def _report(measured: Measured) -> None:
    rates = measured.rates
    print(
        f"  median of {ROUNDS} rounds of {COUNT:,} messages; a second, and processor µs a message "
        "(receivers; Commlog's own processes):"
    )
    for name, rate in rates.items():
        share, sinks, senders = (
            median(each[name]) for each in (measured.shares, measured.sinks, measured.senders)
        )
        own = f", {senders:.0f} µs" if name.startswith("commlog") else ""
        print(
            f"  {name:<17} {median(rate):7.0f}   ({', '.join(f'{each:.0f}' for each in rate)})   "
            f"receivers {sinks:.0f} µs, {share:.0%} of a processor{own}"
        )
    best = [max(each) for each in zip(rates["post_office 1"], rates["post_office 2"], strict=True)]
    _compare("e-mail beside django-post-office's best", rates["commlog EMAIL"], best)
    _compare("e-mail beside a bare smtplib loop", rates["commlog EMAIL"], rates["smtplib"])
    for channel in ("WEB_HOOK", "SMS"):
        _compare(
            f"{channel} beside a bare requests.Session",
            rates[f"commlog {channel}"],
            rates[f"requests {channel}"],
        )


def _compare(what: str, ours: list[float], theirs: list[float]) -> None:
    """Print the ratio of each round: a slowdown of the machine affects both."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(f"  {what}: {median(ratios):.2f} × ({min(ratios):.2f} to {max(ratios):.2f})")
