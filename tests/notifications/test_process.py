"""What a process knows of itself and of others: only of those that are numbered together with it."""

import os
from pathlib import Path
from threading import Thread

import pytest

from notifications import channels, process
from notifications.process import CLUSTER, Process, Wish, this_process
from notifications.states import MessageType


def test_a_worker_is_named_by_its_machine_cluster_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLUSTER, "c1")

    assert this_process.name() == f"{this_process.of('c1')}{os.getpid()}"
    assert this_process.of("c1").startswith(this_process.here())
    assert len(this_process.of("c" * 8)) + 10 <= 100  # what an attempt has room for


def test_of_those_here_the_ended_are_dead(ended: int) -> None:
    assert [
        this_process.knows_dead(f"{this_process.of('any')}{number}")
        for number in (ended, os.getpid(), os.getppid())
    ] == [
        True,
        False,
        False,
    ]


def test_a_process_of_somebody_else_is_not_dead() -> None:
    assert not this_process.knows_dead(f"{this_process.of('any')}1")


@pytest.mark.parametrize(
    "name",
    [
        "other.example:0123abcd:c1:{}",
        "bellhop:{}",
        "{}",
        "",
        "{here}c1:",
        "{here}c1:-1",
        "{here}c1:9999999999999999",
    ],
)
def test_of_others_and_of_what_is_no_name_nothing_is_known(name: str, ended: int) -> None:
    assert not this_process.knows_dead(name.replace("{here}", this_process.here()).replace("{}", str(ended)))


def test_where_the_system_does_not_say_who_is_numbered_together_nobody_is_dead(
    ended: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_BOOT", tmp_path / "none")
    here = Process()

    assert not here.knows_dead(f"{here.of('any')}{ended}")


def test_what_was_kept_is_forgotten() -> None:
    told: list[str] = []
    here = Process()
    kept: dict[int, str] = here.keep({})
    here.at_forget(lambda: told.append("forgotten"))
    kept[1] = "a window"

    here.forget()

    assert (kept, told) == ({}, ["forgotten"])


def test_a_forked_child_begins_anew() -> None:
    channels.get(MessageType.EMAIL)

    child = os.fork()
    if not child:
        os._exit(len(channels._open))
    _, status = os.waitpid(child, 0)

    assert (len(channels._open), os.waitstatus_to_exitcode(status)) == (1, 0)


def test_a_wish_to_stop_ends_every_wait_for_it_and_can_be_made_again() -> None:
    wish = Wish()
    wish.wait(0.01)
    before = wish.is_made
    waiting = [Thread(target=wish.wait, args=[60.0]) for _ in range(3)]
    for each in waiting:
        each.start()
    wish.make()
    wish.make()
    for each in waiting:
        each.join(10)

    assert (before, wish.is_made, [each.is_alive() for each in waiting]) == (False, True, [False] * 3)
