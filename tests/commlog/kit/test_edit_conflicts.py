"""Edit forms that were opened before somebody else's change: nothing is undone, nothing that was typed is
lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from commlog.company import people
from commlog.models import ApiConsumer, AuditEntry, CustomView, MenuItem, User
from notifications.models import Client as BankClient
from notifications.models import Group, Lane, NotificationTemplate
from notifications.secrets.sealed import seal, seal_headers
from notifications.states import MessageType
from tests.factories import (
    admin,
    make_client,
    make_consumer,
    make_group,
    make_lane,
    make_template,
    make_user,
    officer,
)
from tests.forms import filled, seen_at
from tests.test_permissions_matrix import ADDRESSES, SIGN_IN, TABLE, World, one_of_everything

pytestmark = pytest.mark.django_db
# Forms that are filled in and post to their own address, and edit nothing that others edit too.
NO_EDIT_FORMS = {
    "columns": "one's own columns",
    "send-anew": "a new message",
    "security-passkey": "a new passkey",
}
_WITHOUT_TEXT = {"hidden", "checkbox", "radio", "submit", "button", "search"}


@dataclass
class Form:
    """A form of a page: where it leads, and what it sends where nothing is touched."""

    action: str
    data: dict[str, list[str]] = field(default_factory=dict)
    shown: bool = False  # whether anything that can be edited is filled in


class Forms(HTMLParser):
    """The forms of a page that write."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._form: Form | None = None
        self._name = ""  # of the select or textarea that is open
        self._text: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", "")) if given.get("method") == "post" else None
            self.found += [self._form] if self._form else []
        elif self._form is None:
            return
        elif tag == "input" and given.get("name"):
            kind = given.get("type", "text")
            if kind in ("checkbox", "radio"):
                self._put(
                    given["name"], given.get("value", "on"), shown="checked" in given, sent="checked" in given
                )
            elif kind not in ("submit", "button"):
                self._put(
                    given["name"],
                    given.get("value", ""),
                    shown=kind not in _WITHOUT_TEXT and bool(given.get("value")),
                )
        elif tag in ("select", "textarea"):
            self._name, self._text = given.get("name", ""), "" if tag == "textarea" else None
        elif tag == "option" and "selected" in given:
            self._put(self._name, given.get("value", ""), shown=bool(given.get("value")))

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            self._put(self._name, self._text, shown=bool(self._text.strip()))
            self._text = None
        elif tag == "form":
            self._form = None

    def _put(self, name: str, value: str, *, shown: bool, sent: bool = True) -> None:
        if self._form is None:
            return
        if sent:
            self._form.data.setdefault(name, []).append(value)
        self._form.shown |= shown


def edit_forms(browser: Client, world: World) -> Iterator[tuple[str, str, Form]]:
    """Every form that shows what is stored and posts to its own address: of each URL there is."""
    for name in sorted(ADDRESSES):
        if (
            TABLE[name].method != "get"
            or TABLE[name].statuses[0] != SIGN_IN
            or name.endswith("-new")
            or name in NO_EDIT_FORMS
        ):
            continue
        path = world.address(name)
        page = browser.get(path)
        if page.status_code != 200 or not page["Content-Type"].startswith("text/html") or page.streaming:
            continue
        for form in Forms(page.content.decode()).found:
            if form.shown and form.action in ("", path):
                yield name, path, form


def everything() -> dict[str, list[Any]]:
    """What is stored: every row of every table of ours."""
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ("commlog", "notifications", "auth", "socialaccount")
    ]
    kept = [model for model in models if model.__name__ != "UserSession"]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in kept}


@pytest.fixture
def adam(client: Client) -> Client:
    client.force_login(admin())
    return client


EDITED = {
    "administration-user-company",
    "administration-user-edit",
    "api-consumer-edit",
    "client-edit",
    "group-edit",
    "lane",
    "menu-item",
    "role",
    "template-edit",
    "view-edit",
}
_NAMES = ("name", "first_names", "username", "cap", "subject")  # one of them is in each of these forms


def test_every_edit_form_says_what_it_was_filled_in_from_and_is_refused_without(adam: Client) -> None:
    world = one_of_everything()
    _link(User.objects.get(key=world.user))
    found = list(edit_forms(adam, world))
    assert {name for name, _, _ in found} == EDITED
    for name, path, form in found:
        assert form.data.get("seen", [""])[0], f"{name} has no field `seen`"
        stored = everything()
        same = {key: values for key, values in form.data.items() if key != "seen"}
        changed = {
            key: [f"{value}0" for value in values] if key in _NAMES else values
            for key, values in same.items()
        }
        for sent in (
            same,
            changed,
            changed | {"seen": ""},
            changed | {"seen": "x"},
            changed | {"seen": "name=0 first_names=0"},
        ):
            assert (name, adam.post(path, sent).status_code) == (name, 409)
            assert everything() == stored


@dataclass(frozen=True)
class Case:
    """An edit form: what two people change in it at the same time, and what is stored then."""

    make: Callable[[], str]  # its address
    theirs: dict[str, Any]
    mine: dict[str, Any]
    read: Callable[[], Any]
    after_theirs: Any
    after_both: Any
    said: tuple[str, str]  # of the value that both forms hold: stored now, in the form


def _codes(name: str) -> list[str]:
    return sorted(Role.objects.get(name=name).permissions.values_list("codename", flat=True))


def _role() -> str:
    role = Role.objects.create(name="Team")
    role.permissions.set(
        Permission.objects.filter(codename__in=("export_to_excel", "send_manual_sms", "view_client_details"))
    )
    return reverse("role", args=[role.pk])


def _item() -> str:
    item = MenuItem.objects.create(name="Ours", type="COMMUNICATIONS", for_everyone=False)
    item.roles.set([Role.objects.get(name="Officer"), Role.objects.get(name="Viewer")])
    return reverse("menu-item", args=[item.key])


def _view() -> str:
    view = CustomView.objects.create(
        name="Ours", owner=officer(username="owner"), for_everyone=True, conditions={"state": "FAILED"}
    )
    return reverse("view-edit", args=[view.key])


def _user() -> str:
    user = make_user("vera", role="Viewer", first_name="Vera", last_name="Viewer", email="vera@example.org")
    user.groups.add(Role.objects.get(name="Officer"))
    return reverse("administration-user-edit", args=[user.key])


def _link(user: User) -> str:
    people.link(user, "s-1", by=user)
    return reverse("administration-user-company", args=[user.key])


def _vera() -> User:
    return User.objects.get(username="vera")


def _pk(name: str) -> str:
    return str(Role.objects.get(name=name).pk)


def _roles(thing: MenuItem | CustomView) -> list[str]:
    return sorted(thing.roles.values_list("name", flat=True))


def _conditions_and_text(template: NotificationTemplate) -> tuple[list[str], str]:
    return [one["field"] for one in template.conditions], template.text


CASES = {
    "client": Case(
        lambda: reverse("client-edit",
            args=[make_client(email="old@example.org", mobile_phone="+46700000003").key]),
        {"email": "new@example.org"},
        {"mobile_phone": "+46700000004"},
        lambda: BankClient.objects.values_list("email", "mobile_phone").get(),
        ("new@example.org", "+46700000003"),
        ("new@example.org", "+46700000004"),
        ("new@example.org", "old@example.org"),
    ),
    "client's own fields": Case(
        lambda: reverse("client-edit", args=[make_client(custom_fields={"LOYALTY": "gold"}).key]),
        {"own_fields": "LOYALTY = none"},
        {"first_names": "Anna"},
        lambda: BankClient.objects.values_list("custom_fields", "first_names").get(),
        ({"LOYALTY": "none"}, "Ana"),
        ({"LOYALTY": "none"}, "Anna"),
        ("LOYALTY = none", "LOYALTY = gold"),
    ),
    "group": Case(
        lambda: reverse("group-edit", args=[make_group(name="Weavers").key]),
        {"credit_officer": lambda: str(make_user("olga", first_name="Olga", last_name="Nowak").pk)},
        {"name": "Spinners"},
        lambda: Group.objects.values_list("credit_officer__username", "name").get(),
        ("olga", "Weavers"),
        ("olga", "Spinners"),
        ("Olga Nowak (olga)", "nothing"),
    ),
    "role": Case(
        _role,
        {"permissions": ["send_manual_sms", "view_client_details"]},
        {"permissions": ["export_to_excel", "view_client_details"]},
        lambda: _codes("Team"),
        ["send_manual_sms", "view_client_details"],
        ["view_client_details"],
        ("no", "yes"),
    ),
    "user": Case(
        _user,
        {"roles": lambda: [_pk("Viewer")]},
        {"last_name": "Married"},
        lambda: (sorted(_vera().groups.values_list("name", flat=True)), _vera().last_name),
        (["Viewer"], "Viewer"),
        (["Viewer"], "Married"),
        ("no", "yes"),
    ),
    "company account": Case(
        lambda: _link(make_user("vera")),
        {"subject": "s-2"},
        {"subject": "s-3"},
        lambda: people.subject_of(_vera()),
        "s-2",
        "s-3",
        ("s-2", "s-3"),
    ),
    "menu item": Case(
        _item,
        {"roles": lambda: [_pk("Viewer")]},
        {"name": "Theirs"},
        lambda: (_roles(MenuItem.objects.latest("pk")), MenuItem.objects.latest("pk").name),
        (["Viewer"], "Ours"),
        (["Viewer"], "Theirs"),
        ("no", "yes"),
    ),
    "consumer": Case(
        lambda: reverse("api-consumer-edit", args=[make_consumer("Extractor", role="Viewer").key]),
        {"roles": []},
        {"description": "Nightly"},
        lambda: (list(ApiConsumer.objects.get().roles.all()), ApiConsumer.objects.get().description),
        ([], ""),
        ([], "Nightly"),
        ("no", "yes"),
    ),
    "view": Case(
        _view,
        {"name": "Everybody's"},
        {"for_whom": "roles", "roles": lambda: [_pk("Administrator")]},
        lambda: [CustomView.objects.latest("pk").name, *_roles(CustomView.objects.latest("pk"))],
        ["Everybody's"],
        ["Everybody's", "Administrator"],
        ("Everybody's", "Ours"),
    ),
    "lane": Case(
        lambda: reverse("lane", args=[make_lane(name="mail.example.org:25").pk]),
        {"paused": "on"},
        {"cap": "3", "rate": "0.5"},
        lambda: (Lane.objects.get().paused_at is not None, Lane.objects.get().cap, Lane.objects.get().rate),
        (True, 200, None),
        (True, 3, 0.5),
        ("yes", "no"),
    ),
    "template": Case(
        lambda: reverse("template-edit", args=[make_template(name="Paid", conditions=[]).key]),
        {"f1": "AMOUNT", "o1": "MORE_THAN", "v1": "10"},
        {"text": "Hello"},
        lambda: _conditions_and_text(NotificationTemplate.objects.get()),
        (["AMOUNT"], "Dear {CLIENT_NAME}, we received {AMOUNT}."),
        (["AMOUNT"], "Hello"),
        ("AMOUNT MORE_THAN 10", "nothing"),
    ),
}  # fmt: skip


def called(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in values.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_form_that_was_opened_before_a_change_undoes_nothing_and_can_be_saved_after_a_look(
    adam: Client, name: str
) -> None:
    case, bea = CASES[name], Client()
    bea.force_login(admin(username="bea"))
    url = case.make()
    theirs = called(case.theirs)
    mine_page, their_page = adam.get(url), bea.get(url)
    assert bea.post(url, filled(their_page) | theirs).status_code == 302
    assert case.read() == case.after_theirs
    trail = AuditEntry.objects.count()

    answer = adam.post(url, filled(mine_page) | called(case.mine))
    assert answer.status_code == 409
    assert (case.read(), AuditEntry.objects.count()) == (case.after_theirs, trail)
    stored, typed = case.said
    assert [(one.stored, one.typed) for one in answer.context["form"].conflicts] == [(stored, typed)]
    assert "this was changed after you opened the page" in answer.text
    assert f"<bdi>{escape(stored)}</bdi>" in answer.text
    assert f"<bdi>{escape(typed)}</bdi>" in answer.text

    again = next(form for form in Forms(answer.text).found if "seen" in form.data)
    assert adam.post(url, again.data).status_code == 302
    assert case.read() == case.after_both


@pytest.mark.parametrize("name", CASES)
def test_the_same_change_twice_is_no_conflict(adam: Client, name: str) -> None:
    case = CASES[name]
    url = case.make()
    theirs = called(case.theirs)
    first, second = adam.get(url), adam.get(url)
    assert adam.post(url, filled(first) | theirs).status_code == 302
    assert adam.post(url, filled(second) | theirs).status_code == 302
    assert case.read() == case.after_theirs


def test_what_both_typed_into_one_field_is_shown_and_the_own_text_stays_in_the_form(adam: Client) -> None:
    ana = make_client(first_names="Ana")
    url = reverse("client-edit", args=[ana.key])
    page = adam.get(url)
    BankClient.objects.update(first_names="Anna")
    answer = adam.post(url, filled(page) | {"first_names": "Anne", "last_name": "Sousa"})
    assert [(one.label, one.stored, one.typed) for one in answer.context["form"].conflicts] == [
        ("First names", "Anna", "Anne")
    ]
    assert "<dd>Your value: <bdi>Anne</bdi></dd>" in answer.text
    assert filled(answer)["first_names"] == "Anne"
    assert filled(answer)["last_name"] == "Sousa"
    assert adam.post(url, filled(answer)).status_code == 302
    ana.refresh_from_db()
    assert (ana.first_names, ana.last_name) == ("Anne", "Sousa")


def test_a_third_change_after_the_look_is_seen_too(adam: Client) -> None:
    url = reverse("client-edit", args=[make_client().key])
    page = adam.get(url)
    BankClient.objects.update(email="second@example.org")
    answer = adam.post(url, filled(page) | {"last_name": "Sousa"})
    assert "<dd>When you opened the page: <bdi>" in answer.text
    assert "Your value" not in answer.text
    BankClient.objects.update(email="third@example.org")
    assert adam.post(url, filled(answer)).status_code == 409
    assert BankClient.objects.get().email == "third@example.org"


def test_what_the_form_does_not_show_may_change_meanwhile(adam: Client) -> None:
    ana = make_client(state="PENDING_APPROVAL")
    url = reverse("client-edit", args=[ana.key])
    page = adam.get(url)
    BankClient.objects.update(state="ACTIVE")
    assert adam.post(url, filled(page) | {"last_name": "Sousa"}).status_code == 302
    ana.refresh_from_db()
    assert (ana.state, ana.last_name) == ("ACTIVE", "Sousa")


def test_a_secret_that_was_changed_meanwhile_is_said_and_never_shown(adam: Client) -> None:
    hook = make_template(
        MessageType.WEB_HOOK,
        headers=seal_headers({"X-Token": "old"}),
        auth_username="bank",
        auth_password=seal("old"),
    )
    url = reverse("template-edit", args=[hook.key])
    page = adam.get(url)
    NotificationTemplate.objects.update(auth_password=seal("hunter2"))
    answer = adam.post(url, filled(page) | {"name": "Renamed"})
    assert [(one.label, one.stored, one.typed) for one in answer.context["form"].conflicts] == [
        ("Secrets", "changed", "as it was")
    ]
    assert "hunter2" not in answer.text
    assert adam.post(url, filled(answer)).status_code == 302
    stored = NotificationTemplate.objects.get()
    assert stored.name == "Renamed"
    assert stored.auth_password != hook.auth_password


def test_a_view_that_was_saved_anew_is_not_overwritten_by_an_older_screen(adam: Client) -> None:
    view = CustomView.objects.create(name="Ours", for_everyone=True, conditions={"state": "FAILED"})
    screen = f"/communications/?view={view.key.hex}&edited=1&state=FAILED&type=SMS"
    page = adam.get(screen)
    save, sent = (
        reverse("view-act", args=[view.key, "save"]),
        {"next": screen, "seen": page.context["view_seen"]},
    )
    assert f'name="seen" value="{page.context["view_seen"]}"' in page.text
    CustomView.objects.filter(pk=view.pk).update(conditions={"state": "FAILED", "type": "EMAIL"})
    for older in (sent, {"next": screen}, {"next": screen, "seen": "x"}):
        answer = adam.post(save, older, follow=True)
        assert "Current value: State: Failed; Type: E-mail; columns as usual" in answer.text
        assert "On your screen: State: Failed; Type: SMS; columns State" in answer.text
        assert CustomView.objects.get(pk=view.pk).conditions == {"state": "FAILED", "type": "EMAIL"}
    assert answer.context["log"].whole == page.context["log"].whole
    adam.post(save, {"next": screen, "seen": answer.context["view_seen"]})
    assert CustomView.objects.get(pk=view.pk).conditions == {"state": "FAILED", "type": "SMS"}


def test_renaming_a_view_keeps_what_was_saved_into_it_meanwhile(adam: Client) -> None:
    view = CustomView.objects.create(name="Ours", for_everyone=True, conditions={"state": "FAILED"})
    url = reverse("view-edit", args=[view.key])
    seen = seen_at(adam, url)
    CustomView.objects.filter(pk=view.pk).update(conditions={"type": "SMS"})
    adam.post(url, {"name": "Renamed", "for_whom": "everyone"} | seen)
    assert CustomView.objects.values_list("name", "conditions").get(pk=view.pk) == (
        "Renamed",
        {"type": "SMS"},
    )
