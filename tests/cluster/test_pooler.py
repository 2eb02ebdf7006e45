"""Senders behind PgBouncer in transaction mode: sessions are shared, so nothing may be kept in one."""

import os
from pathlib import Path

import pytest

from bench.installation import Installation, expected, mixed, received
from bench.pooler import PROGRAM, pooled

pytestmark = [pytest.mark.cluster, pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture
def behind_a_pooler(server: str, installation: Installation, tmp_path: Path) -> Installation:
    """The installation, whose commands and clusters reach their database through a pooler."""
    if not server:
        pytest.skip("PostgreSQL only")
    if PROGRAM is None:
        assert not os.environ.get("CI"), "PgBouncer is missing"
        pytest.skip("PgBouncer is not installed")
    with pooled(installation.environment["DATABASE_URL"], tmp_path) as url:
        installation.environment["DATABASE_URL"] = url
        yield installation


def test_two_clusters_behind_a_pooler_send_each_message_once(behind_a_pooler: Installation) -> None:
    messages = mixed(behind_a_pooler.providers, 800)
    behind_a_pooler.enqueue(*messages)

    with behind_a_pooler.cluster(), behind_a_pooler.cluster():
        log = behind_a_pooler.until_final(within=60)

    assert {message["state"] for message in log} == {"SENT"}
    assert {len(message["attempts"]) for message in log} == {1}
    assert received(behind_a_pooler.providers) == expected(messages, behind_a_pooler.providers)
    # The first statement of a process reads on and on.
    assert len(behind_a_pooler.manage("log", "--limit", "800").splitlines()) == 800
