"""A gunicorn of its own for a test."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@contextmanager
def gunicorn(application: str, *options: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Its port, once it listens; afterwards it is ended."""
    command = [sys.executable, "-m", "gunicorn", application, "--bind", "127.0.0.1:0", "--no-control-socket", *options]
    with subprocess.Popen(command, cwd=ROOT, env=dict(environment), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        for line in server.stderr:
            if "Listening at" in line:
                yield int(line.partition("127.0.0.1:")[2].split()[0])
                break
        else:
            pytest.fail("gunicorn did not start")
        server.terminate()
        server.stderr.read()
