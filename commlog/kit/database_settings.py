"""Django's database settings besides the URL."""

import os
import tempfile
from pathlib import Path
from typing import Any


def completed(database: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a database read from its URL, completed with everything else it needs."""
    return _of_sqlite(database) if database["ENGINE"].endswith("sqlite3") else _of_postgresql(database)


def completed_replica(database: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a replica, with shorter timeouts: the primary can be asked instead.

    Its locks are those of the primary, held until it has replayed their release.
    """
    completed = _of_postgresql(database, lock_timeout=1_000)
    completed["OPTIONS"] |= {"connect_timeout": 2, "tcp_user_timeout": 5_000}
    return completed


def _of_sqlite(database: dict[str, Any]) -> dict[str, Any]:
    # Django's defaults lose three of four concurrent read-then-write transactions (DECISIONS.md 4).
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
    # A file, not memory: the tests use several connections at once, as the product does.
    in_tests = {"NAME": str(Path(tempfile.gettempdir()) / f"commlog-test-{os.getuid()}.sqlite3")}
    return database | {"OPTIONS": database.get("OPTIONS", {}) | options, "TEST": in_tests}


def _of_postgresql(database: dict[str, Any], *, lock_timeout: int = 20_000) -> dict[str, Any]:
    options: dict[str, Any] = database.get("OPTIONS", {}) | {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    # Pages read a few rows by an index: compiling such a query or starting workers for it takes longer than
    # the query (DECISIONS.md 52).
    plain = "-c jit=off -c max_parallel_workers_per_gather=0"
    limits = f"-c idle_in_transaction_session_timeout=60000 -c lock_timeout={lock_timeout}"
    options.setdefault("options", f"{limits} {plain}")
    return database | {"OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
