"""How long a session lives: thirty minutes without a sign of its user, twelve hours in all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.account.sessions import live
from commlog.middleware import BY_ITSELF, UNSENT
from commlog.models import User, UserSession
from tests.factories import PASSWORD, viewer

pytestmark = pytest.mark.django_db
PAGE = "/communications/"
MINUTES = 60


@pytest.fixture
def vera() -> User:
    return viewer(username="vera")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def tab(vera: User, clock: time_machine.Traveller) -> Client:
    tab = Client()
    tab.post("/sign-in/", {"username": "vera", "password": PASSWORD})
    return tab


def _left(tab: Client, **headers: str) -> dict[str, Any]:
    return tab.get("/sign-in/left/", headers=headers).json()


def _asks_by_itself(tab: Client) -> int:
    return tab.get(PAGE, headers={BY_ITSELF: "1"}).status_code


@pytest.mark.parametrize(("after", "status"), [(29 * MINUTES, 200), (31 * MINUTES, 302)])
def test_it_lapses_without_a_sign_of_its_user(
    tab: Client, clock: time_machine.Traveller, after: int, status: int
) -> None:
    clock.shift(after)
    assert tab.get(PAGE).status_code == status


def test_each_page_keeps_it(vera: User, tab: Client, clock: time_machine.Traveller) -> None:
    for _ in range(10):
        clock.shift(20 * MINUTES)
        assert tab.get(PAGE).status_code == 200
    assert live(vera).count() == 1
    clock.shift(31 * MINUTES)
    assert live(vera).count() == 0
    Client().post("/sign-in/", {"username": "vera", "password": PASSWORD})
    assert Session.objects.count() == UserSession.objects.count() == 1


def test_it_ends_after_twelve_hours_however_busy_its_user_is(
    tab: Client, clock: time_machine.Traveller
) -> None:
    for minutes in [25] * 28 + [10]:
        clock.shift(minutes * MINUTES)
        assert tab.get(PAGE).status_code == 200
    assert _left(tab) == {"left": 10 * MINUTES, "longest": 10 * MINUTES}
    clock.shift(10 * MINUTES + 1)
    assert tab.get(PAGE).status_code == 302


def test_what_a_page_asks_for_by_itself_does_not_keep_it(tab: Client, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        clock.shift(9 * MINUTES)
        assert _asks_by_itself(tab) == 200
    assert _left(tab, **{BY_ITSELF: "1"}) == {
        "left": 3 * MINUTES,
        "longest": 12 * 60 * MINUTES - 27 * MINUTES,
    }
    clock.shift(4 * MINUTES)
    assert _asks_by_itself(tab) == 302


def test_a_sign_is_written_down_once_a_minute(
    tab: Client, clock: time_machine.Traveller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    clock.shift(59)
    with django_assert_num_queries(2):  # session, user
        assert _left(tab)["left"] == 30 * MINUTES - 59
    clock.shift(2)
    with django_assert_num_queries(5):  # the same; the session, in a savepoint of its own
        assert _left(tab)["left"] == 30 * MINUTES
    with django_assert_num_queries(2):
        _left(tab)


def test_a_new_sign_in_begins_anew(tab: Client, clock: time_machine.Traveller) -> None:
    clock.shift(20 * MINUTES)
    tab.post("/sign-out/")
    tab.post("/sign-in/", {"username": "vera", "password": PASSWORD})
    assert _left(tab) == {"left": 30 * MINUTES, "longest": 12 * 60 * MINUTES}


def test_a_session_from_before_this_rule_gets_it_at_its_next_page(
    vera: User, tab: Client, clock: time_machine.Traveller
) -> None:
    session = tab.session
    for name in ("began", "_session_expiry"):
        del session[name]
    session.save()
    assert _left(tab, **{BY_ITSELF: "1"}) == {"left": 30 * MINUTES, "longest": 12 * 60 * MINUTES}
    assert tab.get(PAGE).status_code == 200
    clock.shift(31 * MINUTES)
    assert tab.get(PAGE).status_code == 302


@pytest.mark.parametrize(
    ("page", "back_at"),
    [
        (
            "http://testserver/communications/?state=FAILED",
            "http%3A//testserver/communications/%3Fstate%3DFAILED",
        ),
        ("https://evil.example/", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_what_was_sent_too_late_is_said_not_to_be_done(
    tab: Client, clock: time_machine.Traveller, page: str, back_at: str
) -> None:
    clock.shift(timedelta(hours=1))
    answer = tab.post("/account/menu/", headers={"Referer": page})
    assert answer["Location"] == f"/sign-in/?next={back_at}"
    assert UNSENT in tab.get(answer["Location"]).text


def test_who_is_signed_out_already_can_sign_out(tab: Client, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(hours=1))
    shown = tab.post("/sign-out/", follow=True).text
    assert "You are signed out." in shown
    assert UNSENT not in shown
