"""Every address × may and may not read what messages say: what is masked is in no answer, found by no asking.

The world of the permission matrix, with messages that have a canary in each of their texts. Every address is
asked, so a new one as well.
"""

import io
import zipfile
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client as Browser

from commlog.audit import AuditAction, record
from commlog.models import AuditEntry, CustomView, Job, User
from notifications import events
from notifications.events import Happening
from notifications.models import (
    Client,
    DeliveryReceipt,
    Group,
    Incident,
    IncidentNotice,
    LegalHold,
    Message,
)
from notifications.states import MessageState, ReceiptStatus
from notifications.streams.subscriptions import Wish, subscribe
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_attempt, make_key, make_message, make_user, set_up_channels
from tests.test_permissions_matrix import KNOWN, TABLE, World, one_of_everything

pytestmark = pytest.mark.django_db
CANARY = "zebra"
PROGRAMS = ("api-", "bare-", "streams-")  # keys open these, no session
TEXTS = {
    "subject": "zebra of the subject",
    "content": "zebra of the text",
    "html": "<p>zebra of the html</p>",
    "failure_cause": "550 zebra of the server",
    "headers": {"X-Own": "zebra"},
    "auth_username": "zebra",
}
# Where who may read everything meets the canary.
SHOWN = {
    "account-communications", "audit", "client", "client-communications", "correct", "download-html",
    "download-text", "event", "export", "group", "group-communications", "group-member-add", "incident",
    "job", "jobs", "legal-holds", "log", "message", "preview", "send-anew", "user", "user-communications",
}  # fmt: skip
# What is nothing but what a message says, or is done with it: refused as a whole.
REFUSED = {"preview", "download-text", "download-html", "send-anew", "correct", "correct-others"}


@pytest.fixture(scope="module")
def world(shared: None) -> World:
    """One of everything, with the canary wherever a message, or what asks for one, can have it."""
    found = one_of_everything()
    about = {
        "client": Client.objects.get(key=found.client),
        "group": Group.objects.get(key=found.group),
        "user": User.objects.get(key=found.user),
    }
    of_client, *_ = (_told(**{name: row}, loan_account_key=uuid4()) for name, row in about.items())
    Message.objects.filter(pk=of_client.pk).update(key=of_client.loan_account_key)
    Incident.objects.update(key=of_client.loan_account_key)
    IncidentNotice.objects.create(incident=Incident.objects.get(), message=_told())
    conditions = [["c", "destination.contains.zebra"]]
    asked = {"pairs": conditions, "words": "Destination: contains zebra"}
    CustomView.objects.filter(key=found.view).update(criteria=[["destination", "CONTAINS", ["zebra"]]])
    Job.objects.filter(key=found.job).update(**asked)
    LegalHold.objects.filter(key=found.hold).update(**asked)
    happened = events.raise_one(Happening("CLIENT_CREATED", client=about["client"], data={"NOTE": "zebra"}))
    record(about["user"], AuditAction.SENT, kind="message", key="0" * 32, label="E-mail to zebra@example.org")
    return replace(found, message=Message.objects.get(pk=of_client.pk).key, event=happened.event.key)


def _told(**fields: Any) -> Message:
    """A failed message that says the canary in each of its texts."""
    values = TEXTS | {"destination": "zebra@example.org", "recipient_name": "Ana"}
    message = make_message(MessageState.FAILED, **(values | fields))
    make_attempt(message, detail="550 zebra of an attempt")
    DeliveryReceipt.objects.create(
        message=message, status=ReceiptStatus.UNDELIVERED, detail="zebra", received_at=message.created_at
    )
    return message


@pytest.fixture(scope="module")
def readers(world: World) -> dict[bool, Browser]:
    """Two who may do everything; the one that is False, everything but read what messages say."""
    _all_but_content()
    browsers = {may: Browser() for may in ROLES}
    for may, browser in browsers.items():
        browser.force_login(make_user(role=ROLES[may]))
    return browsers


ROLES = {True: "Administrator", False: "Everything but content"}


def _all_but_content() -> None:
    role = Role.objects.create(name=ROLES[False])
    everything = Role.objects.get(name=ROLES[True]).permissions
    role.permissions.set(everything.exclude(codename="read_message_content"))


def _asked(browser: Browser, method: str, path: str, **fields: Any) -> tuple[int, str]:
    """The answer's status, and all of it as one text; what the request changed is undone."""
    with transaction.atomic():
        answer = getattr(browser, method)(path, fields)
        transaction.set_rollback(True)
    return answer.status_code, _text(answer)


def _text(answer: HttpResponseBase) -> str:
    body = b"".join(answer) if answer.streaming else answer.content
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as file:
            body = b"".join(file.read(name) for name in file.namelist())
    return f"{answer.headers} {body.decode()}".lower()


def test_no_page_tells_what_is_masked(world: World, readers: dict[bool, Browser]) -> None:
    names = [name for name in KNOWN if not name.startswith(PROGRAMS) and name != "sign-out"]
    answers = {name: _asked(readers[False], TABLE[name].method, world.address(name)) for name in names}
    # Refused is what says nothing else; everything else is answered as anybody is.
    expected = {name: 403 if name in REFUSED else TABLE[name].statuses[-1] for name in names}
    assert {name: status for name, (status, _) in answers.items()} == expected
    assert [name for name, (_, text) in answers.items() if CANARY in text] == []
    shown = {name: _asked(readers[True], TABLE[name].method, world.address(name))[1] for name in SHOWN}
    assert [name for name, text in shown.items() if CANARY not in text] == []


ASKED = (
    "/communications/?q=zebra%40example.org",
    "/communications/?q=%22zebra%22",
    "/communications/?c=destination.contains.zebra",
    "/communications/?c=subject.starts_with.zebra",
    "/communications/?c=text.contains.zebra",
    "/communications/?c=failure_details.contains.zebra",
    "/communications/?f1=destination&o1=CONTAINS&v1=zebra",
    "/communications/?match=ANY&c=state.in.FAILED&c=destination.contains.zebra",
    "/clients/{client}/communications/?c=text.contains.zebra",
    "/groups/{group}/communications/?c=text.contains.zebra",
    "/users/{user}/communications/?q=zebra",
    "/find/?q=zebra",
)


def test_no_asking_finds_what_is_masked(world: World, readers: dict[bool, Browser]) -> None:
    keys = {name: getattr(world, name).hex for name in ("client", "group", "user")}
    for path in ASKED:
        found = {
            may: "e-mail to" in _asked(browser, "get", path.format(**keys))[1]
            for may, browser in readers.items()
        }
        assert (path, found) == (path, {True: True, False: False})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/communications/?c=destination.contains.zebra", "Destination needs the permission"),
        ("/communications/?c=text.contains.x", "Message text needs the permission"),
        ("/communications/?q=%22x%22", "Searching for addresses, numbers and texts needs the permission"),
        ("/communications/?q=Nobody+Such", "Only names, IDs, keys and references were searched."),
        ("/communications/?sort=destination", "Sorting by “Destination” needs the permission"),
        ("/communications/?sort=-message", "Sorting by “Message” needs the permission"),
        ("/communications/?view={view}", "Destination needs the permission"),
    ],
)
def test_what_cannot_be_asked_is_said(
    world: World, readers: dict[bool, Browser], path: str, said: str
) -> None:
    text = _asked(readers[False], "get", path.format(view=world.view.hex))[1]
    assert said.lower() in text
    assert ("data-row" in text) == ("sort=" in path)


def test_the_fields_are_not_offered(world: World, readers: dict[bool, Browser]) -> None:
    offered = {
        may: _asked(browser, "get", "/communications/condition/")[1] for may, browser in readers.items()
    }
    for field in ("destination", "subject", "text", "failure_details"):
        options = [f'<option value="{field}"' in offered[may] for may in (True, False)]
        assert (field, options) == (field, [True, False])


def test_everything_else_of_a_message_is_shown(world: World, readers: dict[bool, Browser]) -> None:
    status, text = _asked(readers[False], "get", f"/communications/{world.message.hex}/")
    assert status == 200
    assert "e-mail to <bdi>z•••@example.org</bdi>" in text
    assert "reading it needs the permission “read message content”" in text
    assert "for</dt><dd><a" in text  # whom


def test_what_is_drawn_for_one_is_not_shared_with_the_other(
    world: World, readers: dict[bool, Browser]
) -> None:
    row = Message.objects.get(key=world.message)
    path = f"/communications/?newest={row.pk}&live={row.pk}"
    texts = {may: _asked(browser, "get", path)[1] for may, browser in readers.items()}
    assert ["data-row" in texts[may] for may in texts] == [True, True]
    assert [CANARY in texts[may] for may in texts] == [True, False]


def test_a_file_has_what_is_left(world: World, readers: dict[bool, Browser]) -> None:
    path = "/communications/export/?of=/communications/"
    for written in ("csv", "xlsx"):
        texts = {may: _asked(browser, "post", path, format=written)[1] for may, browser in readers.items()}
        assert [CANARY in texts[may] for may in texts] == [True, False]
        assert "z•••@example.org" in texts[False]
        assert ["subject" in texts[may] for may in texts] == [True, False]


BASE = "/api/communications/messages"
FIELDS = ("destination", "subject", "body", "failureCause")


@pytest.fixture(scope="module")
def programs(readers: dict[bool, Browser]) -> dict[bool, Program]:
    return {may: Program(make_key(role=role)) for may, role in ROLES.items()}


def test_no_operation_tells_what_is_masked(world: World, programs: dict[bool, Program]) -> None:
    key, event = world.message.hex, world.event.hex
    order = {"filterCriteria": [], "sortingCriteria": {"field": "type"}}
    calls = {
        "getByEncodedKey": lambda program: program.get(f"{BASE}/{key}?detailsLevel=FULL"),
        "search": lambda program: program.post(f"{BASE}:search?detailsLevel=FULL", []),
        "search at an offset": lambda program: program.post(f"{BASE}:search?offset=1&detailsLevel=FULL", []),
        "search with a cursor": lambda program: program.post(f"{BASE}:search?cursor=_&limit=1", []),
        "search_1": lambda program: program.post(f"{BASE}:searchSorted", order),
        "getEvent": lambda program: program.get(f"/api/events/{event}"),
    }
    for name, call in calls.items():
        answers = {may: call(program) for may, program in programs.items()}
        assert (name, [answer.status_code for answer in answers.values()]) == (name, [200, 200])
        told = [CANARY in _text(answers[may]) for may in (True, False)]
        assert (name, told) == (name, [True, False])
    found = programs[False].get(f"{BASE}/{key}").json()
    assert (found["destination"], found["contentWithheld"]) == ("z•••@example.org", True)
    assert {"subject", "body", "html", "failureCause"}.isdisjoint(found)


def test_no_operation_finds_what_is_masked(programs: dict[bool, Program]) -> None:
    for field in FIELDS:
        asked = [{"field": field, "operator": "CONTAINS", "value": CANARY}]
        assert programs[True].post(f"{BASE}:search", asked).json() != []
        answer = programs[False].post(f"{BASE}:search?paginationDetails=ON", asked)
        assert refusal(answer)[::3] == (403, f"field: {field}: needs the permission “Read message content”")


def test_no_stream_is_read_without_the_permission(programs: dict[bool, Program]) -> None:
    key = subscribe(Wish("Reports", ("accounts",)), owner=1, owner_name="x")[0].key
    assert programs[False].get(f"/api/v1/subscriptions/{key}").status_code == 200
    answer = programs[False].get(f"/api/v1/subscriptions/{key}/events")
    assert answer.status_code == 403


def test_what_is_masked_is_resent_whole(world: World, readers: dict[bool, Browser], settings: Any) -> None:
    set_up_channels(settings)
    path = f"/communications/{world.message.hex}/resend/"
    with transaction.atomic():
        assert readers[False].post(path).status_code == 302
        new = Message.objects.get(resend_of__key=world.message)
        said = {name: getattr(new, name) for name in ("destination", "subject", "content", "html")}
        transaction.set_rollback(True)
    old = Message.objects.get(key=world.message)
    assert said == {name: getattr(old, name) for name in said}
    text = _asked(readers[False], "get", "/communications/resend/matching/?of=/communications/")[1]
    assert "select all 5 that match" in text


def test_one_message_is_revealed_with_a_reason(world: World, readers: dict[bool, Browser]) -> None:
    path = f"/communications/{world.message.hex}/"
    assert "reveal this message" in _asked(readers[False], "get", path)[1]
    assert "reveal this message" not in _asked(readers[True], "get", path)[1]
    with transaction.atomic():
        answer = readers[False].post(f"{path}reveal/", {"reason": "Complaint 4711"})
        entry = AuditEntry.objects.select_related("key").get(action=AuditAction.REVEALED)
        transaction.set_rollback(True)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "zebra of the text" in answer.text
    assert (entry.target_key, entry.after) == (world.message.hex, {"reason": "Complaint 4711"})
    assert CANARY not in _asked(readers[False], "get", path)[1]
