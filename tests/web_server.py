"""A gunicorn of its own for a test."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection

ROOT = Path(__file__).parents[1]


@contextmanager
def gunicorn(application: str, *options: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Its port, once it listens; afterwards it is ended."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        application,
        "--bind",
        "127.0.0.1:0",
        "--no-control-socket",
        *options,
    ]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr
        try:
            for line in server.stderr:
                if "Listening at" in line:
                    # What nobody reads would stop it once the pipe is full.
                    Thread(target=server.stderr.read, daemon=True).start()
                    yield int(line.partition("127.0.0.1:")[2].split()[0])
                    break
            else:
                pytest.fail("gunicorn did not start")
        finally:
            server.terminate()


@contextmanager
def commlog(*options: str, **settings: str) -> Iterator[int]:
    """The port of a Commlog on the database of this test, which has to be a transactional one.

    It hands its mail to nobody.
    """
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        url = "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    given = (
        os.environ
        | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "commlog.settings",
            "EMAIL_URL": "smtp://127.0.0.1:25",
        }
        | settings
    )
    with gunicorn("django.core.wsgi:get_wsgi_application()", *options, environment=given) as port:
        yield port
