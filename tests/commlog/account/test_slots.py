"""How many passwords are hashed at once, and what a process that dies leaves behind."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commlog.account import slots

HERE, THERE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@pytest.fixture(autouse=True)
def _two(settings: Any, tmp_path: Path) -> None:
    settings.PASSWORD_CHECKS_AT_ONCE = 2
    settings.PASSWORD_LOCKS = tmp_path / "locks"


def _is_busy(origin: str) -> bool:
    try:
        with slots.slot(origin):
            return False
    except slots.Busy:
        return True


def test_there_are_so_many_and_no_more() -> None:
    with slots.slot(HERE), slots.slot(THERE):
        assert _is_busy(ELSEWHERE)
    assert not _is_busy(ELSEWHERE)


def test_one_origin_holds_one() -> None:
    with slots.slot(HERE):
        assert _is_busy(HERE)
        assert not _is_busy(THERE)
    assert not _is_busy(HERE)


def test_who_found_no_slot_holds_nothing() -> None:
    with slots.slot(HERE):
        with slots.slot(THERE):
            assert _is_busy(ELSEWHERE)
        assert not _is_busy(ELSEWHERE)


def test_a_failure_gives_the_slot_back() -> None:
    with pytest.raises(ZeroDivisionError), slots.slot(HERE):
        raise ZeroDivisionError
    assert not _is_busy(HERE)


def test_the_slots_are_those_of_every_process_and_come_back_from_one_that_is_killed() -> None:
    def hold() -> None:
        with slots.slot(HERE), slots.slot(THERE):
            told.write_bytes(b"1")
            signal.pause()

    told = Path(slots.settings.PASSWORD_LOCKS).parent / "told"
    child = _forked(hold)
    while not told.exists():
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    assert [_is_busy(origin) for origin in (HERE, THERE, ELSEWHERE)] == [True, True, True]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [_is_busy(origin) for origin in (HERE, THERE, ELSEWHERE)] == [False, False, False]


def _forked(run: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(1)
    return child


def test_the_files_are_for_this_user_alone(settings: Any) -> None:
    assert not _is_busy(HERE)
    assert settings.PASSWORD_LOCKS.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in settings.PASSWORD_LOCKS.iterdir()} == {0o600}
    settings.PASSWORD_LOCKS.chmod(0o777)
    with pytest.raises(PermissionError, match="others may open it"):
        _is_busy(HERE)


def test_a_link_to_somewhere_else_is_no_directory_of_ours(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    settings.PASSWORD_LOCKS.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        _is_busy(HERE)
