"""python -m bench.chaos: faults while messages are sent, and an audit of what became of each message.

A seed is printed; with --seed the same choices are made again (the machine's own timing is not replayed).
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import django

from bench.freezes import freezes
from bench.hosts import hosts
from bench.installation import ROOT, migrated_database
from bench.restarts import restarts
from bench.roles import roles
from bench.run import MIGRATED
from bench.storms import clean_stops, kill_storm


def matrices(_chance: random.Random, _quick: bool, _server: str) -> bool:
    """Mail servers, receivers and addresses that misbehave in every way, without a database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    from bench.matrices import run  # the channels can be imported only now

    return run()


Programme = Callable[[random.Random, bool, str], bool]  # chance, quick, server; whether anything was broken
PROGRAMMES: dict[str, Programme] = {
    "roles": roles,
    "restarts": restarts,
    "hosts": hosts,
    "freezes": freezes,
    "kill_storm": kill_storm,
    "clean_stops": clean_stops,
    "matrices": matrices,
}
ONCE = ("restarts", "hosts", "matrices")  # not on each database
AT_ONCE = 3  # of the quick ones, which mostly wait


def main() -> int:
    """Run the programmes. Returns 1 if an invariant is broken or a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMMES))
    parser.add_argument("--quick", action="store_true", help="a short run of each, several at a time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--server",
        default="",
        help="a PostgreSQL server, postgres://user@host:5432/postgres; default: SQLite only",
    )
    parser.add_argument("--only", action="store_true", help="on that server only, not on SQLite too")
    parser.add_argument("--like", default="", help="a migrated database on that server, to copy")
    options = parser.parse_args()
    servers = [options.server] if options.only else list(dict.fromkeys(["", options.server]))
    runs = [
        (name, server)
        for name in options.names or PROGRAMMES
        for server in (servers[:1] if name in ONCE else servers)
    ]
    if options.like:
        MIGRATED[servers[0]] = options.like
    if len(runs) == 1 or not options.quick:
        return int(any([_run(name, server, options.seed, options.quick) for name, server in runs]))
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as threads:
        for server in servers:  # once for all of its programmes, each of which would take eight seconds
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            MIGRATED[server] = stack.enter_context(migrated_database(server, directory))
        return int(any(list(threads.map(lambda each: _apart(*each, options.seed), runs))))


def _run(name: str, server: str, seed: int, quick: bool) -> bool:
    began = time.monotonic()
    where = "" if name in ONCE else f" on {'PostgreSQL' if server else 'SQLite'}"
    print(f"\n{name}{where}, seed {seed}: {PROGRAMMES[name].__doc__}", flush=True)
    broken = PROGRAMMES[name](random.Random(f"{seed} {name}"), quick, server)
    print(f"  {'BROKEN' if broken else 'passed'} ({time.monotonic() - began:.0f} s)", flush=True)
    return broken


def _apart(name: str, server: str, seed: int) -> bool:
    """Run a programme in a process of its own, and print its output in one piece."""
    command = [sys.executable, "-m", "bench.chaos", name, "--quick", "--seed", str(seed)]
    command += ["--server", server, "--only"] if server else []
    command += ["--like", MIGRATED[server]]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout, end="", flush=True)
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
