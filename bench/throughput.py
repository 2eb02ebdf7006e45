"""How fast queued messages leave: Commlog beside bare loops of smtplib and requests, and django-post-office, in one interleaved run.

Each contender is a process of its own that times itself (bench/contenders.py); all send to the same stand-ins, in a process of their own
too. django-post-office runs at its best: send_many, BATCH_SIZE 1000, no logs, and the better of one process and two.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.installation import ROOT, Installation, new_database
from commlog.demo import standins

ROUNDS = 5
COUNT = 2_000
CONTENDERS = ("smtplib", "requests", "post_office 1", "post_office 2", "commlog EMAIL", "commlog WEB_HOOK")


def run(installation: Installation) -> None:
    """Interleave the contenders on this installation's database and print medians and ratios."""
    with tempfile.TemporaryDirectory() as directory:
        sinks = subprocess.Popen(
            [sys.executable, "-m", "commlog.demo.standins", directory], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        try:
            ports = json.loads(sinks.stdout.readline() if sinks.stdout else "")
            _rounds(installation, ports, Path(directory))
        finally:
            sinks.terminate()
            sinks.wait()


def _rounds(installation: Installation, ports: dict[str, int], directory: Path) -> None:
    providers = standins.environment(smtp=ports["smtp"], twilio=ports["twilio"])
    installation.environment |= providers | {"SINK_SMTP": str(ports["smtp"]), "SINK_HTTP": str(ports["webhook"])}
    url = installation.environment["DATABASE_URL"]
    server = "" if url.startswith("sqlite") else url
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with new_database(server, directory) as other, installation.cluster():
        _contend("prepare post_office", installation.environment | {"DATABASE_URL": other}, 0)
        _contend("commlog EMAIL", installation.environment, 200)  # connections and code are warm
        for _ in range(ROUNDS):
            for name in CONTENDERS:
                database = other if name.startswith("post_office") else url
                rates[name].append(_contend(name, installation.environment | {"DATABASE_URL": database}, COUNT))
    _report({name: median(found) for name, found in rates.items()}, rates)


def _contend(name: str, environment: dict[str, str], count: int) -> float:
    command = [sys.executable, "-m", "bench.contenders", *name.split(), str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split()[-1])


def _report(medians: dict[str, float], rates: dict[str, list[float]]) -> None:
    print(f"  median of {ROUNDS} rounds of {COUNT:,} messages; a second:")
    for name, rate in medians.items():
        print(f"  {name:<17} {rate:7.0f}   ({', '.join(f'{each:.0f}' for each in rates[name])})")
    best = max(medians["post_office 1"], medians["post_office 2"])
    email = medians["commlog EMAIL"]
    print(f"  e-mail: {email / best:.2f} × django-post-office, {email / medians['smtplib']:.0%} of a bare smtplib loop over one connection")
    print(f"  webhooks: {medians['commlog WEB_HOOK'] / medians['requests']:.0%} of a bare requests.Session loop")
