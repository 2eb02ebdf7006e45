"""Views that are shared with people by name, and private views of who has left."""

from typing import Any

import pytest
from django.test import Client

from commlog.models import AuditEntry, CustomView, User
from tests.factories import admin, make_user, officer, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/"
VIEWS = "/communications/views/"


@pytest.fixture(autouse=True)
def _none() -> None:
    CustomView.objects.all().delete()


def _save(pages: Client, **form: Any) -> Any:
    return pages.post(f"{VIEWS}new/", {"name": "Ours", "for_whom": "roles", "next": URL} | form)


def _sees(person: User, view: CustomView) -> bool:
    browser = Client()
    browser.force_login(person)
    return browser.get(f"{URL}?view={view.key.hex}").status_code == 200


def test_a_view_is_seen_by_the_people_it_is_for(pages: Client, ada: User) -> None:
    bo, cy = viewer(username="bo", first_name="Bo", last_name="Borg"), viewer(username="cy")

    assert _save(pages, users=" bo , Bo Borg (bo)").status_code == 302

    view = CustomView.objects.get()
    assert list(view.users.all()) == [bo]
    assert (_sees(ada, view), _sees(bo, view), _sees(cy, view), _sees(admin(), view)) == (
        True,
        True,
        False,
        False,
    )
    assert view.shared
    assert AuditEntry.objects.filter(action="CREATED").latest("pk").after["users"] == ["bo"]
    browser = Client()
    browser.force_login(bo)
    assert browser.get(f"{VIEWS}{view.key.hex}/").status_code == 403  # it is Ada's
    form = pages.get(f"{VIEWS}{view.key.hex}/").context["form"]
    assert (form["for_whom"].value(), form["users"].value()) == ("roles", "bo")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"users": "nobody"}, "nobody"),
        ({"users": "x" * 2_001}, "2000"),
        ({"users": ",".join(["bo"] * 51)}, "at most 50 people"),
        ({"users": "bo", "for_whom": "me"}, "Choose “These roles or people” above, or remove the names."),
        (
            {"users": "bo", "for_whom": "everyone"},
            "Choose “These roles or people” above, or remove the names.",
        ),
        ({"users": " , "}, "Choose at least one role"),
        ({"users": "a\0b"}, ""),
    ],
)
def test_what_is_wrong_saves_nothing(pages: Client, form: dict[str, str], said: str) -> None:
    viewer(username="bo")
    answer = _save(pages, **form)
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors)
    assert not CustomView.objects.exists()


def test_who_may_not_publish_shares_with_nobody() -> None:
    viewer(username="bo")
    person = viewer()
    browser = Client()
    browser.force_login(person)
    _save(browser, for_whom="me", users="bo")
    assert not CustomView.objects.filter(users__isnull=False).exists()
    assert _save(browser, users="bo").status_code == 200


def test_an_administrator_takes_over_the_private_views_of_who_has_left() -> None:
    leaver, boss = officer(username="bo", first_name="Bo", last_name="Borg"), admin()
    private = CustomView.objects.create(name="Mine", owner=leaver)
    shared = CustomView.objects.create(name="Ours", owner=leaver, for_everyone=True)
    named = CustomView.objects.create(name="Theirs", owner=leaver)
    named.users.add(make_user("cy", role="Viewer"))
    browser = Client()
    browser.force_login(boss)
    path = f"/administration/users/{leaver.key.hex}/"

    browser.post(f"{path}views/")
    assert CustomView.objects.get(pk=private.pk).owner == leaver  # still here
    assert "Take over" not in browser.get(path).text
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    assert "Take over" in browser.get(path).text
    browser.post(f"{path}views/")

    owners = {each.name: each.owner for each in CustomView.objects.all()}
    assert owners == {"Mine": boss, "Ours": leaver, "Theirs": leaver}
    assert shared.owner == leaver
    assert _sees(boss, private)
    entry = AuditEntry.objects.filter(target_kind="view").latest("pk")
    assert (entry.before, entry.after) == ({"owner": "Bo Borg"}, {"owner": boss.name})
    assert "Take over" not in browser.get(path).text
