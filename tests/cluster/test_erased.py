"""A person whose erasure is killed half-way stands in no dump and no file afterwards; nor once an older
backup was restored and the list replayed.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.db import connection

from bench.installation import Installation, kill_group
from tests.cluster.test_restored import _installed, backup

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.postgres,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="one database is enough, and has dumps"),
    pytest.mark.timeout(300),
]

ROWS = 1_000
NAME, EMAIL, NUMBER = "Kanarienvogel", "zoe.kanarienvogel@cage.example", "+447700900945"
FOUND = (NAME.lower(), NUMBER[3:], "tweet4711")
_PLAIN = str.maketrans(dict.fromkeys(" -()"))
_LIVED = f"""
from commlog import audit
from commlog.audit import AuditAction
from tests.factories import admin, make_client, make_message
person = make_client(first_names="Zoe", last_name="{NAME}", email="{EMAIL}", mobile_phone="{NUMBER}")
audit.record(admin(), AuditAction.CREATED, person, after={{"email": person.email}})
about = {{"client": person, "recipient_name": person.name, "destination": person.email}}
for number in range({ROWS}):
    make_message("SENT", subject=f"For {NAME}", content=f"Tweet-4711 {{number}}", **about)
print(person.key.hex)
"""
_TRIED = "SELECT COUNT(DISTINCT message_id) FROM notifications_attempt WHERE finished_at IS NOT NULL"
_ASK = """
from commlog.erasure import requesting
from commlog.models import User
from notifications.models import Client
requesting.ask(Client.objects.get(key="{key}"), by=User.objects.get())
"""


def test_a_person_stands_in_no_dump_and_no_file(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installation.environment |= {
        "ERASURES_DIRECTORY": str(installation.directory / "erasures"),
        "ERASURE_APPROVAL_THRESHOLD": "0",
    }
    key = _run(installation, _LIVED)
    for kind, destination in (("EMAIL", EMAIL), ("SMS", NUMBER)):
        installation.enqueue(
            {"type": kind, "destination": destination, "subject": f"For {NAME}", "body": "Tweet-4711"}
        )
    (installation.directory / "enqueue.jsonl").unlink()  # this test's own
    with installation.cluster():
        _until(lambda: _execute(installation, _TRIED) == 2)
    before = _hits(installation)
    assert before >= {"public.notifications_message", "public.notifications_client"}
    restore = backup(installation, tmp_path_factory.mktemp("backup") / "backup")
    _run(installation, _ASK.format(key=key))
    with _stopped_half_way(installation), installation.cluster() as killed:
        _until(lambda: _left(installation) < ROWS)
        kill_group(killed)
    assert 0 < _left(installation) < ROWS
    _execute(installation, "UPDATE commlog_erasure SET lease_until = NULL")  # 30 seconds later
    with installation.cluster():
        _until(lambda: _execute(installation, "SELECT state FROM commlog_erasure") == "DONE")
    assert _hits(installation) == set()
    restore()
    assert _hits(installation) == before
    assert "Everybody on the list is erased" in installation.manage("erase", "replay")
    assert _hits(installation) == set()


@contextmanager
def _stopped_half_way(installation: Installation) -> Iterator[None]:
    """Hold a message in the middle, so that the erasure cannot get beyond it."""
    import psycopg

    with psycopg.connect(installation.environment["DATABASE_URL"]) as session:
        session.execute(
            "SELECT 1 FROM notifications_message WHERE id = "
            f"(SELECT id FROM notifications_message ORDER BY id OFFSET {ROWS // 2} LIMIT 1) FOR UPDATE"
        )
        yield


def _run(installation: Installation, code: str) -> str:
    return installation.manage("shell", "-v", "0", "-c", code).strip()


def _left(installation: Installation) -> int:
    return int(
        _execute(installation, f"SELECT COUNT(*) FROM notifications_message WHERE subject LIKE '%{NAME}'")
    )


def _hits(installation: Installation) -> set[str]:
    """In which tables of a dump, and in which files that we wrote, the person stands."""
    found, table = set(), ""
    for line in _dump(installation).splitlines():
        if line.startswith("COPY "):
            table = line.split()[1]
        if _names(line):
            found.add(table)
    files = (file for file in installation.directory.rglob("*") if file.is_file())
    ours = (file for file in files if "providers" not in file.parts)
    return found | {file.name for file in ours if _names(file.read_bytes().decode(errors="replace"))}


def _names(text: str) -> bool:
    return any(each in text.lower().translate(_PLAIN) for each in FOUND)


def _dump(installation: Installation) -> str:
    url = urlsplit(installation.environment["DATABASE_URL"])
    options = ["--dbname", url._replace(scheme="postgresql").geturl()]
    return subprocess.run(
        [_installed("pg_dump"), *options], check=True, capture_output=True, text=True
    ).stdout


def _execute(installation: Installation, statement: str) -> object:
    """Run a statement; the first value that it finds."""
    import psycopg

    with psycopg.connect(installation.environment["DATABASE_URL"], autocommit=True) as session:
        found = session.execute(statement)
        return found.fetchone()[0] if found.description else None


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
