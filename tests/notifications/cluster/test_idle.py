"""How long a cluster with nothing to do rests, and what ends that."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from commlog.models.job import JobKind
from commlog.retention import runs
from notifications.cluster import idle
from notifications.cluster.idle import Rest
from notifications.database.commits import committed
from notifications.models import Installation, Lane
from notifications.states import Circuit
from tests.factories import make_incident, make_job, make_lane, make_user


def troubled_lane() -> None:
    Lane.objects.filter(pk=make_lane().pk).update(
        circuit=Circuit.HALF_OPEN, **dict.fromkeys(("opened_at", "probe_at"), timezone.now())
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "long"),
    [
        (make_lane, True),
        (troubled_lane, False),
        (lambda: make_incident(make_lane(), began_at=timezone.now()), False),
        (lambda: make_job(make_user(), JobKind.EXPORT), False),
        (lambda: runs.open_run(timezone.now()), False),
        (lambda: Installation.objects.update_or_create(pk=1, restored_at=timezone.now()), False),
    ],
)
def test_it_rests_for_long_where_nothing_was_committed_and_nothing_goes_by_the_clock(
    make: Callable[[], Any], long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = "1"
    monkeypatch.setattr(idle, "committed", lambda: (1, stamp))
    monkeypatch.setattr(idle, "BRIEF", 0.0)
    monkeypatch.setattr(idle, "LONGEST", 60.0)
    make()
    rest = Rest()

    rest.begin((1, "1"))
    rested = rest.goes_on()
    stamp = "2"

    assert (rested, rest.goes_on()) == (long, False)


@pytest.mark.postgres
@pytest.mark.skipif(
    settings.IS_SQLITE, reason="a SQLite file has no session that could be ended from outside"
)
@pytest.mark.django_db(transaction=True)
def test_a_session_that_was_ended_is_an_error_of_the_database() -> None:
    import psycopg

    server = {name: connection.settings_dict[name.upper()] for name in ("host", "user", "password")}
    assert committed()
    session = connection.connection
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [session.info.backend_pid])

    for _ in range(2):
        with pytest.raises(OperationalError):
            committed()
    connection.close()
    assert committed() != (id(session), "")
