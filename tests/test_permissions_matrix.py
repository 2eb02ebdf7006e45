"""Every address × who asks. A new URL needs one row in TABLE; without it `test_no_address_is_missing` fails.

A row is: URL name -> [method] and the expected status for an anonymous visitor, somebody without a role, a
viewer, an officer and an administrator; then, where objects belong to somebody, for an officer and an
administrator who ask for another's private object. Every request is undone before the next one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from commlog.models import ApiKey, CustomView, Erasure, MenuItem, RetentionPeriod, User
from notifications import events
from notifications.events import Happening
from notifications.models import Lane, LegalHold
from notifications.states import MessageState, MessageType
from notifications.streams.subscriptions import Wish, subscribe
from tests.factories import (
    admin,
    make_client,
    make_consumer,
    make_group,
    make_incident,
    make_job,
    make_key,
    make_lane,
    make_message,
    make_template,
    officer,
    outsider,
    viewer,
)

pytestmark = pytest.mark.django_db

PEOPLE = ("anonymous", "no role", "viewer", "officer", "administrator")
SIGN_IN = 302  # to the sign-in page; test_where_a_redirect_leads tells it from other redirects
NOTHING = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Row:
    """What each person is answered."""

    statuses: tuple[int, int, int, int, int]
    method: str = "get"
    private: tuple[int, int] | None = None  # an officer and an administrator at another's private object


def _get(*statuses: int, private: tuple[int, int] | None = None) -> Row:
    return Row(statuses, "get", private)  # type: ignore[arg-type]


def _post(*statuses: int, private: tuple[int, int] | None = None) -> Row:
    return Row(statuses, "post", private)  # type: ignore[arg-type]


def _delete(*statuses: int) -> Row:
    return Row(statuses, "delete")  # type: ignore[arg-type]


TABLE: dict[str, Row] = {
    # Open to everybody
    "sign-in": _get(200, 302, 302, 302, 302),
    "sign-in-code": _get(302, 302, 302, 302, 302),  # without a first step: to it
    "forgotten": _get(200, 200, 200, 200, 200),
    "choose-password": _get(410, 410, 410, 410, 410),  # without a link
    # Without a provider there is no company sign-in.
    "company": _get(404, 404, 404, 404, 404),
    "company-callback": _get(404, 404, 404, 404, 404),
    "company-out": _get(404, 404, 404, 404, 404),
    "company-ended": _post(404, 404, 404, 404, 404),
    "security-company": _get(SIGN_IN, 404, 404, 404, 404),
    "icons": _get(200, 200, 200, 200, 200),
    "alive": _get(200, 200, 200, 200, 200),
    "ready": _get(200, 200, 200, 200, 200),
    "sender": _get(200, 200, 200, 200, 200),
    "metrics": _get(404, 404, 404, 404, 404),
    "api-openapi": _get(200, 200, 200, 200, 200),
    "api-openapi-strict": _get(200, 200, 200, 200, 200),
    "api-docs": _get(200, 200, 200, 200, 200),
    # Open to providers, who sign what they say
    "receipt-twilio": _post(403, 403, 403, 403, 403),
    # The API: a session opens none of it (tests/commlog/api shows what keys open)
    "api-sendEvent": _post(401, 401, 401, 401, 401),
    "api-createTemplate": _post(401, 401, 401, 401, 401),
    "api-getTemplate": _get(401, 401, 401, 401, 401),
    "api-patchTemplate": Row((401, 401, 401, 401, 401), "patch"),
    "api-deleteTemplate": _delete(401, 401, 401, 401, 401),
    "api-subscribeClient": _post(401, 401, 401, 401, 401),
    "api-subscribeGroup": _post(401, 401, 401, 401, 401),
    "api-anonymizeClient": _post(401, 401, 401, 401, 401),
    "api-anonymizeGroup": _post(401, 401, 401, 401, 401),
    "api-anonymization": _get(401, 401, 401, 401, 401),
    "api-getClientSubscriptions": _get(401, 401, 401, 401, 401),
    "api-unsubscribeClient": _delete(401, 401, 401, 401, 401),
    "api-getGroupSubscriptions": _get(401, 401, 401, 401, 401),
    "api-unsubscribeGroup": _delete(401, 401, 401, 401, 401),
    "api-getEvent": _get(401, 401, 401, 401, 401),
    "api-webHookSettings": _get(401, 401, 401, 401, 401),
    "api-switchWebHooks": Row((401, 401, 401, 401, 401), "put"),
    "api-getAudit": _get(401, 401, 401, 401, 401),
    "api-organization": _get(401, 401, 401, 401, 401),
    "api-branches": _get(401, 401, 401, 401, 401),
    **{
        f"{prefix}-{operation}": (_get if operation == "getByEncodedKey" else _post)(401, 401, 401, 401, 401)
        for prefix in ("api", "bare")
        for operation in (
            "send",
            "getByEncodedKey",
            "search",
            "search_1",
            "resend",
            "enqueueByKeys",
            "enqueueByDate",
        )
    },
    **{
        f"{prefix}-{name}": _get(401, 401, 401, 401, 401)
        for prefix in ("streams", "bare-streams")
        for name in ("subscriptions", "subscription", "events", "cursors", "stats")
    },
    # Everybody who is signed in
    "home": _get(SIGN_IN, 200, 200, 200, 200),
    "find": _get(SIGN_IN, 200, 200, 200, 200),
    "help": _get(SIGN_IN, 200, 200, 200, 200),
    "admin": _get(SIGN_IN, 302, 302, 302, 302),
    "live": _get(SIGN_IN, 204, 204, 204, 204),
    "session-left": _get(SIGN_IN, 200, 200, 200, 200),
    "sign-out": _post(SIGN_IN, 302, 302, 302, 302),
    "account": _get(SIGN_IN, 200, 200, 200, 200),
    "account-password": _get(SIGN_IN, 200, 200, 200, 200),
    "account-sessions": _post(SIGN_IN, 302, 302, 302, 302),
    "security": _get(SIGN_IN, 200, 200, 200, 200),
    "security-app": _get(SIGN_IN, 200, 200, 200, 200),
    "security-passkey": _get(SIGN_IN, 200, 200, 200, 200),
    "security-codes": _get(SIGN_IN, 302, 302, 302, 302),  # nobody here has a second factor
    "security-remove": _post(SIGN_IN, 302, 302, 302, 302),
    "account-menu": _post(SIGN_IN, 302, 302, 302, 302),
    # The log and its messages
    "log": _get(SIGN_IN, 403, 200, 200, 200),
    "export": _post(SIGN_IN, 403, 403, 200, 200),
    "columns": _get(SIGN_IN, 403, 200, 200, 200),
    "views": _get(SIGN_IN, 403, 200, 200, 200),
    "view-new": _get(SIGN_IN, 403, 200, 200, 200),
    "view-edit": _get(SIGN_IN, 403, 403, 403, 200, private=(404, 404)),
    "view-delete": _get(SIGN_IN, 403, 403, 403, 200, private=(404, 404)),
    "view-act": _post(SIGN_IN, 403, 302, 302, 302, private=(404, 404)),
    "condition": _get(SIGN_IN, 403, 200, 200, 200),
    "suggest": _get(SIGN_IN, 403, 200, 200, 200),
    "events": _get(SIGN_IN, 403, 200, 200, 200),
    "event": _get(SIGN_IN, 403, 200, 200, 200),
    "message": _get(SIGN_IN, 403, 200, 200, 200),
    "message-readers": _get(SIGN_IN, 403, 403, 403, 200),
    **{f"{kind}-readers": _get(SIGN_IN, 403, 403, 403, 200) for kind in ("client", "group", "user")},
    "message-reveal": _post(SIGN_IN, 403, 403, 403, 400),  # without a reason
    "preview": _get(SIGN_IN, 403, 200, 200, 200),
    "download-text": _get(SIGN_IN, 403, 200, 200, 200),
    "download-html": _get(SIGN_IN, 403, 200, 200, 200),
    "resend": _post(SIGN_IN, 403, 403, 302, 302),
    "correct": _post(SIGN_IN, 403, 403, 200, 200),  # it lacks an address
    "correct-others": _post(SIGN_IN, 403, 403, 302, 302),
    "send-anew": _get(SIGN_IN, 403, 403, 200, 200),
    "account-communications": _get(SIGN_IN, 403, 200, 200, 200),
    # Jobs
    "bulk-resend": _get(SIGN_IN, 403, 403, 400, 400),  # nothing is selected
    "bulk-matching": _get(SIGN_IN, 403, 403, 200, 200),
    "demo-outage": _post(SIGN_IN, 403, 403, 404, 404),  # this is no demo
    "incidents": _get(SIGN_IN, 403, 200, 200, 200),
    "incident": _get(SIGN_IN, 403, 200, 200, 200),
    "incident-resend": _post(SIGN_IN, 403, 403, 302, 302),
    "jobs": _get(SIGN_IN, 403, 200, 200, 200),
    "job": _get(SIGN_IN, 403, 404, 200, 200),
    "job-file": _get(SIGN_IN, 403, 403, 404, 404),  # its owner's alone
    "job-act": _post(SIGN_IN, 403, 404, 403, 302),
    # Clients, groups, users
    "clients": _get(SIGN_IN, 403, 200, 200, 200),
    "client": _get(SIGN_IN, 403, 200, 200, 200),
    "client-communications": _get(SIGN_IN, 403, 200, 200, 200),
    "client-send": _get(SIGN_IN, 403, 403, 200, 200),
    "client-new": _get(SIGN_IN, 403, 403, 200, 200),
    "client-decision": _post(SIGN_IN, 403, 403, 302, 302),
    "client-subscriptions": _get(SIGN_IN, 403, 200, 200, 200),
    "client-subscribe": _post(SIGN_IN, 403, 403, 302, 302),
    "client-edit": _get(SIGN_IN, 403, 403, 200, 200),
    "groups": _get(SIGN_IN, 403, 200, 200, 200),
    "group": _get(SIGN_IN, 403, 200, 200, 200),
    "group-communications": _get(SIGN_IN, 403, 200, 200, 200),
    "group-send": _get(SIGN_IN, 403, 403, 200, 200),
    "group-new": _get(SIGN_IN, 403, 403, 200, 200),
    "group-subscriptions": _get(SIGN_IN, 403, 200, 200, 200),
    "group-subscribe": _post(SIGN_IN, 403, 403, 302, 302),
    "group-edit": _get(SIGN_IN, 403, 403, 200, 200),
    "group-member-add": _post(SIGN_IN, 403, 403, 200, 200),
    "group-member-remove": _post(SIGN_IN, 403, 403, 302, 302),
    "users": _get(SIGN_IN, 403, 200, 200, 200),
    "user": _get(SIGN_IN, 403, 200, 200, 200),
    "user-communications": _get(SIGN_IN, 403, 200, 200, 200),
    "user-send": _get(SIGN_IN, 403, 403, 200, 200),
    # Administration
    "administration": _get(SIGN_IN, 403, 403, 403, 200),
    "audit": _get(SIGN_IN, 403, 403, 403, 200),
    "retry-policy": _get(SIGN_IN, 403, 403, 403, 200),
    "retention": _get(SIGN_IN, 403, 403, 403, 200),
    "retention-edit": _get(SIGN_IN, 403, 403, 403, 200),
    "retention-exception-new": _get(SIGN_IN, 403, 403, 403, 200),
    "retention-exception": _get(SIGN_IN, 403, 403, 403, 200),
    "retention-exception-end": _post(SIGN_IN, 403, 403, 403, 302),
    "legal-holds": _get(SIGN_IN, 403, 403, 403, 200),
    "legal-hold-new": _get(SIGN_IN, 403, 403, 403, 200),
    "legal-hold-lift": _post(SIGN_IN, 403, 403, 403, 302),
    "erasures": _get(SIGN_IN, 403, 403, 403, 200),
    "erasure-new": _get(SIGN_IN, 403, 403, 403, 200),
    "erasure": _get(SIGN_IN, 403, 403, 403, 200),
    "erasure-decide": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-streams": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-stream": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-stream-reset": _post(SIGN_IN, 403, 403, 403, 302),
    "channels": _get(SIGN_IN, 403, 403, 403, 200),
    "channel-disable": _get(SIGN_IN, 403, 403, 403, 200),
    "channel-act": _post(SIGN_IN, 403, 403, 403, 302),
    "lane": _get(SIGN_IN, 403, 403, 403, 200),
    "after-restore": _get(SIGN_IN, 403, 403, 403, 200),
    "after-restore-decide": _post(SIGN_IN, 403, 403, 403, 302),
    "templates": _get(SIGN_IN, 403, 403, 403, 200),
    "template-new": _get(SIGN_IN, 403, 403, 403, 200),
    "template": _get(SIGN_IN, 403, 403, 403, 200),
    "template-edit": _get(SIGN_IN, 403, 403, 403, 200),
    "template-activity": _get(SIGN_IN, 403, 403, 403, 200),
    "template-secret": _post(SIGN_IN, 403, 403, 403, 302),
    "template-delete": _post(SIGN_IN, 403, 403, 403, 302),
    "menu-items": _get(SIGN_IN, 403, 403, 403, 200),
    "menu-item-new": _get(SIGN_IN, 403, 403, 403, 200),
    "menu-item": _get(SIGN_IN, 403, 403, 403, 200),
    "menu-item-order": _post(SIGN_IN, 403, 403, 403, 302),
    "menu-item-delete": _post(SIGN_IN, 403, 403, 403, 302),
    "roles": _get(SIGN_IN, 403, 403, 403, 200),
    "role-new": _get(SIGN_IN, 403, 403, 403, 200),
    "role": _get(SIGN_IN, 403, 403, 403, 200),
    "role-delete": _post(SIGN_IN, 403, 403, 403, 302),
    "api-consumers": _get(SIGN_IN, 403, 403, 403, 200),
    "api-consumer-new": _get(SIGN_IN, 403, 403, 403, 200),
    "api-consumer": _get(SIGN_IN, 403, 403, 403, 200),
    "api-consumer-edit": _get(SIGN_IN, 403, 403, 403, 200),
    "api-consumer-activity": _get(SIGN_IN, 403, 403, 403, 200),
    "api-consumer-key": _post(SIGN_IN, 403, 403, 403, 200),
    "api-key-rotate": _get(SIGN_IN, 403, 403, 403, 200),
    "api-key-revoke": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-users": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-user-new": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-user": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-user-edit": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-user-password": _get(SIGN_IN, 403, 403, 403, 200),
    "company-groups": _get(SIGN_IN, 403, 403, 403, 200),
    "company-group-remove": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-user-company": _get(SIGN_IN, 403, 403, 403, 200),
    "administration-user-link": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-user-factor": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-user-activity": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-user-views": _post(SIGN_IN, 403, 403, 403, 302),
    "administration-user-sessions": _post(SIGN_IN, 403, 403, 403, 302),
}
# What an auditor sees: the permission View administration alone. Every other address of the administration is
# refused.
READ_ONLY = {
    "administration",
    "audit",
    "administration-streams",
    "administration-stream",
    "channels",
    "retry-policy",
    "retention",
    "legal-holds",
    "erasures",
    "erasure",
    "templates",
    "template",
    "menu-items",
    "roles",
    "administration-users",
    "administration-user",
    "api-consumers",
    "api-consumer",
    "after-restore",
}


_ACTIONS = {
    "job-act": "pause",
    "channel-act": "pause",
    "erasure-decide": "approve",
    "after-restore-decide": "lift",
    "administration-stream-reset": "end",
}


@dataclass(frozen=True, slots=True)
class World:
    """One of everything, owned by nobody who asks."""

    message: UUID
    client: UUID
    group: UUID
    user: UUID
    menu_item: UUID
    job: UUID
    view: UUID
    private_view: UUID
    template: UUID
    event: UUID
    stream: UUID
    consumer: UUID
    api_key: UUID
    hold: UUID
    erasure: UUID
    role: int
    exception: int

    def address(self, name: str, **changed: Any) -> str:
        """The address of that name, for one of these objects."""
        given: dict[str, Any] = {"key": self._key(name), "member": self.client, "channel": MessageType.EMAIL}
        given |= {
            "encodedKey": self.message.hex,
            "eventKey": self.event.hex,
            "erasureKey": self.erasure.hex,
            "template": self.template,
            "templateId": self.template.hex,
            "owner": self.client.hex,
            "subscription": self.message.hex,
            "whom": "client",
            "pk": self._pk(name),
            "action": _ACTIONS.get(name, "favourite"),
        } | changed
        return reverse(name, kwargs={each: given[each] for each in ADDRESSES[name]})

    def _pk(self, name: str) -> int:
        if name == "lane":
            return Lane.objects.values_list("pk", flat=True)[0]
        return self.exception if name.startswith("retention") else self.role

    def _key(self, name: str) -> UUID:
        owners = {
            "client": self.client,
            "group": self.group,
            "user": self.user,
            "administration-user": self.user,
            "menu-item": self.menu_item,
            "job": self.job,
            "view": self.view,
            "template": self.template,
            "event": self.event,
            "administration-stream": self.stream,
            "api-consumer": self.consumer,
            "api-key": self.api_key,
            "legal-hold": self.hold,
            "erasure": self.erasure,
        }
        return next(
            (key for start, key in owners.items() if name == start or name.startswith(f"{start}-")),
            self.message,
        )


@pytest.fixture(scope="module")
def world(shared: None) -> World:
    return one_of_everything()


@pytest.fixture(scope="module")
def people(shared: None) -> dict[str, SimpleCookie]:
    makers: tuple[Callable[[], User], ...] = (outsider, viewer, officer, admin)
    return dict(zip(PEOPLE, [SimpleCookie(), *(_signed_in(make()) for make in makers)], strict=True))


def one_of_everything() -> World:
    """The rows that addresses need, made."""
    person, owner = make_client(), officer(username="owner", email="owner@example.org")
    failed = make_message(MessageState.FAILED, client=person, html="<p>Hi</p>")
    make_incident(make_lane(), began_at=failed.created_at, key=failed.key)
    view = CustomView.objects.create(name="Shared", owner=owner, for_everyone=True)
    private_view = CustomView.objects.create(name="Private", owner=owner)
    item = MenuItem.objects.create(name="Spare", type="COMMUNICATIONS")
    role = Role.objects.create(name="Spare")
    job, template = make_job(owner), make_template(MessageType.WEB_HOOK, target="LOANS")
    told = events.raise_one(Happening("CLIENT_CREATED", client=person))
    keys = (
        person.key,
        make_group(person).key,
        owner.key,
        item.key,
        job.key,
        view.key,
        private_view.key,
        template.key,
        told.event.key,
    )
    make_key(consumer := make_consumer("Extractor"))
    stream, _ = subscribe(Wish("Reports", ("accounts",)), owner=1, owner_name="Extractor")
    hold = LegalHold.objects.create(reason="r", label="Ana", placed_by=owner, placed_by_name="o")
    period = RetentionPeriod.objects.create(what="WORDS", channel="SMS", starts_at=failed.created_at)
    waiting = {"kind": "NUMBER", "state": "AWAITING_APPROVAL", "asked_by_name": "o"}
    erasure = Erasure.objects.create(**waiting, pseudonym="Erased person 2")
    keys = (*keys, stream.key, consumer.key, ApiKey.objects.get().key, hold.key, erasure.key)
    return World(failed.key, *keys, role.pk, period.pk)


def _addresses(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[tuple[str, set[str]]]:
    """Every URL pattern: its name and its arguments."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern.url_patterns)
        else:
            yield str(pattern.name), set(pattern.pattern.converters)


ADDRESSES = dict(_addresses())
KNOWN = [name for name in TABLE if name in ADDRESSES]


def _signed_in(person: User) -> SimpleCookie:
    """The cookies of a browser in which the person has signed in: once, which takes as long as a page."""
    browser = Client()
    browser.force_login(person)
    return browser.cookies


def _status(cookies: SimpleCookie, method: str, path: str) -> int:
    """The answer's status; what the request changed is undone."""
    browser = Client()
    browser.cookies = SimpleCookie(cookies)
    with transaction.atomic():
        status: int = getattr(browser, method)(path).status_code
        transaction.set_rollback(True)
    return status


def test_no_address_is_missing() -> None:
    assert len(ADDRESSES) == len(list(_addresses())), "two addresses have one name"
    assert sorted(TABLE) == sorted(ADDRESSES)


@pytest.mark.parametrize("name", KNOWN)
def test_each_person_at(name: str, world: World, people: dict[str, SimpleCookie]) -> None:
    row, path = TABLE[name], world.address(name)
    assert {who: _status(person, row.method, path) for who, person in people.items()} == dict(
        zip(PEOPLE, row.statuses, strict=True)
    )
    if row.private:
        path = world.address(name, key=world.private_view)
        assert (
            _status(people["officer"], row.method, path),
            _status(people["administrator"], row.method, path),
        ) == row.private


@pytest.mark.parametrize("name", [name for name in KNOWN if TABLE[name].statuses[0] == SIGN_IN])
def test_where_a_redirect_leads(name: str, world: World, client: Client) -> None:
    path = world.address(name)
    assert getattr(client, TABLE[name].method)(path)["Location"].split("?")[0] == reverse("sign-in")


@pytest.mark.parametrize("name", [name for name in KNOWN if TABLE[name].method == "post"])
def test_reading_an_address_that_writes_is_refused(name: str, world: World) -> None:
    path = world.address(name)
    assert _status(_signed_in(admin()), "get", path) in (
        {200} if name.endswith("-delete") else {401, 405} if name.startswith("api-subscribe") else {405}
    )


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_who_may_only_read_the_administration_reads_it(name: str, world: World) -> None:
    assert _status(_signed_in(_auditor()), "get", world.address(name)) == 200


def test_who_may_only_read_the_administration_writes_nothing(world: World) -> None:
    auditor = _signed_in(_auditor())
    for name in KNOWN:
        path = world.address(name)
        if path.startswith("/administration/") and name not in READ_ONLY:
            assert (name, _status(auditor, TABLE[name].method, path)) == (name, 403)


# A receipt says nothing to the unsigned; accounts are not stored here, so any key can be one's.
FOR_ANY_KEY = {"menu-item-order", "receipt-twilio", "account-communications"}


def test_an_address_of_nothing_is_not_found(world: World) -> None:
    person = _signed_in(admin())
    for name in KNOWN:
        if "key" in ADDRESSES[name] and name not in FOR_ANY_KEY:
            path = world.address(name, key=NOTHING)
            assert (name, _status(person, TABLE[name].method, path)) == (name, 404)


def test_what_the_menu_hides_is_refused_by_address() -> None:
    person = _signed_in(admin())
    lists = ("log", "clients", "groups", "users")
    assert [_status(person, "get", reverse(name)) for name in lists] == [200] * 4
    MenuItem.objects.update(for_everyone=False)
    assert [_status(person, "get", reverse(name)) for name in lists] == [403] * 4


def _auditor() -> User:
    role = Role.objects.create(name="Auditor")
    role.permissions.set(
        Role.objects.get(name="Administrator").permissions.filter(codename="view_administration_details")
    )
    person = outsider()
    person.groups.add(role)
    return person
