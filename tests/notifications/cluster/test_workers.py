"""Which workers are known to be dead: only those that are numbered together with this process."""

import os
from pathlib import Path

import pytest

from notifications.delivery import workers


def test_a_worker_is_named_by_its_machine_cluster_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(workers.CLUSTER, "c1")

    assert workers.name() == f"{workers.of('c1')}{os.getpid()}"
    assert workers.of("c1").startswith(workers.here())
    assert len(workers.of("c" * 8)) + 10 <= 100  # what an attempt has room for


def test_of_those_here_the_ended_are_dead(ended: int) -> None:
    assert [workers.dead(f"{workers.of('any')}{number}") for number in (ended, os.getpid(), os.getppid())] == [True, False, False]


def test_a_process_of_somebody_else_is_not_dead() -> None:
    assert not workers.dead(f"{workers.of('any')}1")


@pytest.mark.parametrize(
    "name", ["other.example:0123abcd:c1:{}", "bellhop:{}", "{}", "", "{here}c1:", "{here}c1:-1", "{here}c1:9999999999999999"]
)
def test_of_others_and_of_what_is_no_name_nothing_is_known(name: str, ended: int) -> None:
    assert not workers.dead(name.replace("{here}", workers.here()).replace("{}", str(ended)))


def test_where_the_system_does_not_say_who_is_numbered_together_nobody_is_dead(
    ended: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "_BOOT", tmp_path / "none")
    workers._numbering.cache_clear()
    try:
        assert not workers.dead(f"{workers.of('any')}{ended}")
    finally:
        workers._numbering.cache_clear()
