"""Senders on a PostgreSQL that takes no writes for a while: they wait in quiet, and go on by themselves."""

import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from bench.installation import Installation, expected, mixed, received

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.postgres,
    pytest.mark.skipif(
        settings.IS_SQLITE, reason="one writer cannot make a SQLite file read-only for the others"
    ),
]


def takes_writes(installation: Installation, server: str, whether: bool) -> None:
    """Switch the database for all its sessions: those that are open end, and the next begin so."""
    import psycopg

    name = urlsplit(installation.environment["DATABASE_URL"]).path[1:]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = {"off" if whether else "on"}'
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def test_nothing_is_lost_or_sent_twice_and_little_is_said(installation: Installation, server: str) -> None:
    messages = mixed(installation.providers, 20)
    installation.enqueue(*messages)
    takes_writes(installation, server, whether=False)

    with installation.cluster("sender"):
        (log,) = installation.directory.glob("cluster-*.log")
        end = time.monotonic() + 60
        while "The database is read-only at present." not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        quiet_from = len(log.read_text())
        time.sleep(15)  # longer than the supervisor's patience
        said = log.read_text()[quiet_from:]
        takes_writes(installation, server, whether=True)
        done = installation.until_final(within=60)

    assert {message["state"] for message in done} == {"SENT"}
    assert received(installation.providers) == expected(messages, installation.providers)
    assert "Traceback" not in said
    assert len(said.splitlines()) < 10, said
    assert "started anew" not in said
