"""The pages of the log over a million messages beside the same pages over ten thousand, interleaved.

    python -m bench log --rows 1000000 --server URL [--keep]

The messages are written with manage.py generate_messages into databases of their own; --keep leaves them on
the server for the next run.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from bench.installation import ROOT, Installation, new_database, production

FEW = 10_000
ROUNDS = 3
SLOWEST = 100.0  # milliseconds at the 95th percentile
WORST_RATIO = 1.3
SEARCH = 1_000.0  # milliseconds for a text within the last 30 days, on PostgreSQL
Times = dict[str, dict[str, list[dict[str, Any]]]]


def run(installation: Installation, *, rows: int = 10 * FEW, keep: bool = False) -> None:
    """Measure both, and print the figures, the ratios, and whether the limits hold."""
    url = installation.environment["DATABASE_URL"]
    server = "" if url.startswith("sqlite") else url
    with ExitStack() as stack:
        databases = {
            count: stack.enter_context(filled(installation, server, count, keep)) for count in (FEW, rows)
        }
        rounds: dict[int, list[Any]] = {count: [] for count in databases}
        for _ in range(ROUNDS):
            for count, database in databases.items():
                rounds[count].append(in_production(installation, database, "bench.log_pages"))
    _report(_joined(rounds[FEW]), _joined(rounds[rows]), rows, on_postgres=bool(server))


@contextmanager
def filled(installation: Installation, server: str, count: int, keep: bool) -> Iterator[str]:
    """Yield the URL of a database with `count` messages."""
    if server and keep:
        url, new = _kept(server, count)
        _fill(installation, url, count if new else 0)
        yield url
        return
    directory = installation.directory / str(count)
    directory.mkdir()
    with new_database(server, directory) as url:
        _fill(installation, url, count)
        yield url


def _kept(server: str, count: int) -> tuple[str, bool]:
    """Return the URL of the database that is kept, and whether it is still empty."""
    import psycopg

    name = f"commlog_bench_log_{count}"
    with psycopg.connect(server, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not there:
            connection.execute(f'CREATE DATABASE "{name}"')
    return urlsplit(server)._replace(path=f"/{name}").geturl(), not there


def _fill(installation: Installation, url: str, count: int) -> None:
    other = Installation(installation.directory, installation.providers, url)
    other.manage("migrate", "--verbosity", "0")
    if count:
        print(f"  {other.manage('generate_messages', str(count)).splitlines()[-1]}", flush=True)
    print(f"  {other.manage('reindex', '--continue').splitlines()[-1]}", flush=True)


def in_production(installation: Installation, url: str, module: str) -> Any:
    """Run a module on the database with the settings of production, and return the JSON that it prints."""
    unlimited = {"API_CALLS_A_MINUTE": "0", "API_CALLS_A_MINUTE_IN_ALL": "0"}
    environment = (
        installation.environment
        | production()
        | unlimited
        | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "commlog.settings"}
    )
    command = [sys.executable, "-W", "ignore", "-m", module]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def _joined(rounds: list[Any]) -> Times:
    return {
        part: {what: [each[part][what] for each in rounds] for what in found}
        for part, found in rounds[0].items()
    }


def _report(few: Times, many: Times, rows: int, *, on_postgres: bool) -> None:
    failed = []
    print(
        f"  milliseconds at {rows:,} messages: least, p50 (of them in the database), p95; p50 at {FEW:,}; "
        "the ratio of the two p50"
    )
    for part, found in many.items():
        for what, timings in found.items():
            took = _all(timings, "took")
            half, p95 = median(took), quantiles(took, n=20, method="inclusive")[-1]
            before, full = (
                median(_all(few[part][what], "took")),
                timings[0]["rows"] == few[part][what][0]["rows"],
            )
            uncompared = "" if full else f", not compared: there {few[part][what][0]['rows']} rows match"
            print(
                f"  {what:<42} {min(took):7.1f} {half:7.1f} ({median(_all(timings, 'database')):7.1f}) "
                f"{p95:7.1f}  {before:7.1f} "
                f"× {half / before:5.2f}   {timings[0]['rows']:>3} rows, "
                f"{timings[0]['statements']:>2} statements{uncompared}"
            )
            if part == "filters" and (p95 > SLOWEST or (full and half > WORST_RATIO * before)):
                failed.append(what)
            if part == "searches" and on_postgres and p95 > SEARCH:
                failed.append(what)
    print(
        f"  no page counted (COUNT(*)) or skipped (OFFSET) rows; p95 ≤ {SLOWEST:.0f} ms and p50 within "
        f"{WORST_RATIO} ×, ",
        end="",
    )
    print(
        f"a search within 30 days ≤ {SEARCH:.0f} ms: "
        f"{'missed by ' + ', '.join(failed) if failed else 'held by all'}"
    )


def _all(timings: list[dict[str, Any]], name: str) -> list[float]:
    return [each for timing in timings for each in timing[name]]
