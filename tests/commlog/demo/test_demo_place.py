"""The demo's directory: what it remembers, and when it begins anew."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from commlog.demo.place import Occupied, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "demo")


def finish(place: Place) -> None:
    place.remember(finished=True)
    place.database.write_text("rows")


def test_a_finished_start_is_taken_up_again(place: Place) -> None:
    first = place.prepare()
    finish(place)
    place.flag("email").touch()

    second = place.prepare()

    assert second == replace(first, finished=True)
    assert place.database.read_text() == "rows"
    assert not place.flag("email").exists()


def test_a_half_made_start_begins_anew(place: Place) -> None:
    first = place.prepare()
    place.database.write_text("half of the rows")

    second = place.prepare()

    assert second.secret_key != first.secret_key
    assert not place.database.exists()


def test_beginning_anew_leaves_other_files_alone(place: Place) -> None:
    place.prepare()
    finish(place)
    (place.directory / "thesis.txt").write_text("mine")
    (place.directory / "EMAIL.jsonl").write_text("{}")

    place.prepare(fresh=True)

    assert (place.directory / "thesis.txt").read_text() == "mine"
    assert not (place.directory / "EMAIL.jsonl").exists()
    assert not place.database.exists()


def test_a_port_that_was_taken_meanwhile_is_replaced(place: Place) -> None:
    first = place.prepare()
    finish(place)

    with socket.create_server(("127.0.0.1", first.webhook)):
        second = place.prepare()

    assert second.webhook != first.webhook
    assert (second.finished, second.secret_key) == (True, first.secret_key)


def test_one_demo_at_a_time(place: Place) -> None:
    with place.occupied(), pytest.raises(Occupied), Place(place.directory).occupied():
        pass
