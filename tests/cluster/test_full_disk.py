"""A database on a disk that is really full: what probes, programs and people are told, and that it goes on
where room is made.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from bench.installation import ROOT
from bench.postgres import own_server

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk"),
]
READ = """
import json, os
import django
django.setup()
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
from django.test import Client
from tests.factories import make_key, make_message, officer
key, person, clerk = make_key(), Client(), officer()
person.force_login(clerk)
make_message()
disk = os.environ["DISK"]
def look():
    mail = {"type": "EMAIL", "destination": "ana@example.org", "subject": "s", "body": "Dear Ana " * 10_000}
    body, headers = json.dumps(mail), {"apiKey": key}
    sent = person.post("/api/communications/messages", body, content_type="application/json", headers=headers)
    asked = [person.get(path) for path in ("/readyz", "/healthz/sender", "/communications/")]
    client = person.post("/clients/new/", {"client_id": "000123", "last_name": "Silva", "notes": "x" * 9_000})
    return {"api": [sent.status_code, sent.headers.get("Retry-After"), sent.json()],
            "statuses": [each.status_code for each in asked],
            "ready": asked[0].json()}
said = {"before": look()}
with open(disk + "/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(65536))
    except OSError:
        pass
    try:
        while True:
            filler.write(bytes(512))
    except OSError:
        pass
full = 0
for _ in range(40):  # until no page has room left
    said["full"] = look()
    full = full + 1 if said["full"]["api"][0] == 503 and said["full"]["statuses"][:2] == [503, 503] else 0
    if full == 3:
        break
os.truncate(disk + "/filler", 0)
said["after"] = look()
print(json.dumps(said))
"""


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk that PostgreSQL can reach."""
    directory = Path(tempfile.mkdtemp(prefix="commlog-disk-", dir="/tmp"))
    directory.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100m,mode=755", "commlog-disk", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        directory.rmdir()
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
    directory.rmdir()


@pytest.fixture
def database_url(disk: Path) -> Iterator[str]:
    """A database on that disk."""
    if settings.IS_SQLITE:
        yield f"sqlite:///{disk}/commlog.sqlite3"
        return
    import psycopg

    # A server of its own: with a full disk it cannot write its checkpoints, which DROP DATABASE asks for, of
    # any database.
    with own_server() as server:
        place = disk / "tables"
        place.mkdir(mode=0o700)
        with suppress(LookupError):
            shutil.chown(place, "postgres", "postgres")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            connection.execute("CREATE DATABASE commlog TABLESPACE small")
        yield urlsplit(server.url)._replace(path="/commlog").geturl()


def python(*arguments: str, **variables: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {
        "DJANGO_SETTINGS_MODULE": "commlog.settings",
        "SECRETS_KEY": "a key for tests alone: 32 characters and more",
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_full_disk_is_told_and_forgotten(disk: Path, database_url: str) -> None:
    python("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=database_url)

    said: dict[str, Any] = json.loads(
        python("-c", READ, DATABASE_URL=database_url, DISK=str(disk)).splitlines()[-1]
    )

    assert (said["before"]["statuses"], said["before"]["api"][0]) == ([200, 200, 200], 201)
    assert said["full"]["statuses"] == [503, 503, 200]
    reason = "The database cannot save anything, because its disk is full or broken."
    assert said["full"]["ready"] == {"ready": False, "reason": reason}
    status, retry_after, body = said["full"]["api"]
    assert (status, retry_after, body["errors"][0]["errorReason"]) == (503, "10", "SERVICE_UNAVAILABLE")
    assert said["after"]["statuses"] == [200, 200, 200]
    assert said["after"]["api"][0] == 201
