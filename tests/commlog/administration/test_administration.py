"""The administration's start page, audit trail and retry policy."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog import audit
from commlog.administration.audit_log import reading
from commlog.administration.retry_page import drawn
from commlog.audit import AuditAction
from commlog.models import AuditEntry, MenuItem, User
from notifications import alerts
from notifications.retry import RetryPolicy
from notifications.states import MessageType
from tests.commlog.test_pages import CORPUS
from tests.factories import make_consumer, make_lane, make_user, officer, viewer

pytestmark = pytest.mark.django_db
TRAIL = "/administration/audit/"


def _listed(pages: Client, **params: str) -> list[str]:
    response = pages.get(TRAIL, params)
    assert response.status_code == 200
    return [entry.target_label for entry in response.context["listing"].rows]


def test_the_start_page_leads_to_every_page_of_the_administration(pages: Client) -> None:
    shown = pages.get("/administration/").text
    for path in (TRAIL, "/administration/retry-policy/"):
        assert f'href="{path}"' in shown
        assert pages.get(path).status_code == 200


def test_the_old_address_of_the_administration_leads_to_it(pages: Client) -> None:
    assert pages.get("/admin/")["Location"] == "/administration/"


def test_the_entry_of_the_administration_is_for_those_who_may_see_it(client: Client, ada: User) -> None:
    for person, shown in ((ada, True), (officer(), False)):
        client.force_login(person)
        assert ("Administration</a>" in client.get("/communications/").text) is shown


@pytest.mark.parametrize("rows", [1, 3])
def test_the_trail_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        audit.record(viewer(), AuditAction.CREATED, viewer(), after={"name": "x"})
    # Session, user with permissions; the entries; menu, banner.
    with django_assert_num_queries(6):
        pages.get(TRAIL)


def test_the_trail_shows_before_and_after_the_latest_first(pages: Client, ada: User) -> None:
    audit.record(
        ada,
        AuditAction.CHANGED,
        kind="role",
        label="Teller",
        before={"name": "Old", "on": True},
        after={"name": "New", "on": False},
    )
    audit.record(
        ada, AuditAction.CREATED, kind="role", label="Later", after={"permissions": ["A", "B"], "none": None}
    )
    assert _listed(pages)[:2] == ["Later", "Teller"]
    shown = pages.get(TRAIL).text
    assert "<del><bdi>Old</bdi></del>" in shown
    assert "<ins><bdi>New</bdi></ins>" in shown
    assert "<ins><bdi>A, B</bdi></ins>" in shown


@pytest.mark.parametrize(
    "who",
    [
        "siobhan oleary",
        "O'Leary, Siobhán",
        "O\u2019LEARY",
        "Siobha\u0301n",
        "Siobhán O’Leary (off.icer)",
        "OFF.ICER",
    ],
)
def test_people_are_found_in_whatever_spelling(pages: Client, who: str) -> None:
    user = make_user(username="off.icer", first_name="Siobhán", last_name="O’Leary")
    audit.sent(user, "by her")
    assert _listed(pages, who=who) == ["by her"]
    assert _listed(pages, who=user.key.hex) == ["by her"]


def test_people_are_found_by_the_name_that_entries_say(pages: Client) -> None:
    user = make_user(username="off.icer", first_name="Siobhán", last_name="O’Leary")
    audit.sent(user, "by her")
    User.objects.filter(pk=user.pk).update(first_name="Maire", last_name="Byrne", name_fold="maire byrne")
    assert _listed(pages, who="Siobhán O’Leary") == _listed(pages, who="Byrne") == ["by her"]


def test_programs_are_found_in_whatever_spelling(pages: Client) -> None:
    consumer = make_consumer(name="Prüfung Nord")
    audit.record(consumer, AuditAction.SENT, label="by it")
    assert _listed(pages, who="PRUFUNG nord (API)") == _listed(pages, who="PRÜFUNG") == ["by it"]


def test_by_who_what_and_when(pages: Client, ada: User) -> None:
    vera = viewer(username="vera")
    audit.record(ada, AuditAction.CREATED, kind="role", label="by Ada")
    audit.record(vera, AuditAction.EXPORTED, kind="log", label="by Vera")
    audit.record(ada, AuditAction.CHANGED, vera, label="to Vera")
    AuditEntry.objects.all().write(
        action=AuditAction.CREATED, target_label="old", at=timezone.now() - timedelta(days=9)
    )
    assert _listed(pages, who="vera viewer") == ["to Vera", "by Vera"]
    assert _listed(pages, action="EXPORTED") == ["by Vera"]
    today = timezone.localdate()
    assert _listed(pages, until=str(today - timedelta(days=1))) == ["old"]
    assert "old" not in _listed(pages, since=str(today))


def test_a_program_is_found_by_its_name_and_by_the_name_it_had(pages: Client) -> None:
    consumer, other = make_consumer("Core Banking"), make_consumer("Core")
    audit.record(consumer, AuditAction.SENT, kind="message", label="by the program")
    audit.record(other, AuditAction.SENT, kind="message", label="by the other")
    audit.record(None, AuditAction.CREATED, consumer, label="to the program")
    audit.record(audit.Command("create_user"), AuditAction.CREATED, kind="user", label="by the command")
    consumer.name = "Ledger"
    consumer.save()
    assert _listed(pages, who="Core") == ["by the other"]
    assert _listed(pages, who="Core (API)") == ["by the other"]
    assert _listed(pages, who="Core Banking") == ["by the program"]
    assert _listed(pages, who="ledger") == ["to the program"]
    assert _listed(pages, who="create_user") == _listed(pages, who="command line") == ["by the command"]
    for number in range(11):
        make_consumer(f"Ledger {number}")
    assert _listed(pages, who="ledger") == []
    assert "Enter more of the name." in pages.get(TRAIL, {"who": "ledger"}).text


def test_a_program_s_entries_have_pages(pages: Client) -> None:
    consumer = make_consumer("Ledger")
    for number in range(60):
        audit.record(consumer, AuditAction.SENT, kind="message", label=str(number))
        audit.record(viewer(), AuditAction.SENT, kind="message", label="by somebody else")
    audit.record(None, AuditAction.CREATED, consumer, label="to it")
    first = pages.get(TRAIL, {"who": "Ledger"}).context["listing"]
    assert [entry.target_label for entry in first.rows] == [
        "to it",
        *(str(number) for number in range(59, 10, -1)),
    ]
    second = pages.get(TRAIL + first.next_url).context["listing"]
    assert [entry.target_label for entry in second.rows] == [str(number) for number in range(10, -1, -1)]


def test_circuits_do_not_drown_what_people_do(pages: Client) -> None:
    audit.record(viewer(), AuditAction.CREATED, kind="role", label="by Vera")
    for _ in range(60):
        alerts.record(make_lane(), before={"circuit": "CLOSED"}, after={"circuit": "OPEN"})
    audit.record(None, AuditAction.SIGN_IN_FAILED, kind="user", label="a failed sign-in")
    assert _listed(pages)[:2] == ["a failed sign-in", "by Vera"]
    assert set(_listed(pages, by="itself")) == {"E-mail by test"}
    assert (len(_listed(pages, by="itself")), len(_listed(pages, by="all"))) == (50, 50)
    assert _listed(pages, by="all")[0] == "a failed sign-in"
    shown = pages.get(TRAIL, {"by": "all"}).text
    assert '<option value="itself">Commlog (automatic)</option>' in shown
    assert '<span class="muted">Commlog (automatic)</span>' in shown
    assert '<span class="muted">not signed in</span>' in shown


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="its planner")
def test_indexes_find_the_first_page_however_much_circuits_wrote() -> None:
    for name, action in (("", AuditAction.CHANGED), ("Another (API)", AuditAction.SENT)):
        AuditEntry.objects.bulk_create(AuditEntry(actor_name=name, action=action) for _ in range(5_000))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {AuditEntry._meta.db_table}")
    by_people = reading.narrow(AuditEntry.objects.all(), {})
    by_program = AuditEntry.objects.filter(actor=None, actor_name="Ledger (API)")
    for entries, index in ((by_people, "audit_people"), (by_program, "audit_program")):
        assert f"using {index}" in entries.order_by("-pk")[:51].explain()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"who": "nobody at all"}, "No user or program has this name."),
        ({"who": "x\0"}, "Null characters are not allowed."),
        ({"who": "x" * 10_000}, "at most 150 characters"),
        ({"action": "DROP"}, "not one of the available choices"),
        ({"since": "0000-01-01"}, "Enter a day between"),
        ({"until": "9999-12-31"}, "Enter a day between"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "The end date is before the start date."),
        ({"after": "💶"}, "The link to this page is damaged."),
        ({"before": "eyJ4Ijox"}, "The link to this page is damaged."),
    ],
)
def test_a_wrong_condition_is_said_and_lists_nothing(
    pages: Client, params: dict[str, str], said: str
) -> None:
    assert _listed(pages) != []
    assert _listed(pages, **params) == []
    assert said in pages.get(TRAIL, params).text


def test_the_trail_has_pages(pages: Client) -> None:
    for number in range(60):
        audit.record(None, AuditAction.CREATED, kind="role", label=str(number))
    first = pages.get(TRAIL, {"action": "CREATED"}).context["listing"]
    assert [entry.target_label for entry in first.rows] == [str(number) for number in range(59, 9, -1)]
    second = pages.get(TRAIL + first.next_url).context["listing"]
    assert [entry.target_label for entry in second.rows] == [str(number) for number in range(9, -1, -1)]
    assert second.next_url == ""
    assert pages.get(TRAIL + second.previous_url).context["listing"].rows == first.rows


def test_the_retry_policy_is_shown_as_it_is_in_force(pages: Client) -> None:
    shown = pages.get("/administration/retry-policy/").text
    for text in (
        "maxRetries",
        "backOffDelay",
        "backOffMaxDelay",
        "delayFactor * backOffDelay",
        "RETRY_WEB_HOOK_",
    ):
        assert text in shown
    steps = drawn(MessageType.EMAIL).steps
    assert [step.at for step in steps] == ["0 s", "0 s", "2 s", "8 s", "26 s", "80 s"]
    assert [step.wait for step in steps] == [
        "",
        "immediately",
        "after 2 s",
        "after 6 s",
        "after 18 s",
        "after 54 s",
    ]
    assert len({step.x for step in steps}) == 6


@pytest.mark.parametrize(
    ("policy", "steps", "said"),
    [
        (RetryPolicy(enabled=False), 1, "Retries are off"),
        (RetryPolicy(max_retries=-1), 11, "And so on"),
        (RetryPolicy(max_retries=0), 2, "retried, too"),
        (RetryPolicy(permanent=False, jitter=0.1), 6, "Each delay varies randomly by up to 10%."),
    ],
)
def test_other_policies_are_drawn_too(
    pages: Client, settings: Any, policy: RetryPolicy, steps: int, said: str
) -> None:
    settings.RETRY_POLICIES = dict.fromkeys(settings.RETRY_POLICIES, policy)
    assert len(drawn(MessageType.SMS).steps) == steps
    assert max(step.x for step in drawn(MessageType.SMS).steps) <= 984
    assert said in pages.get("/administration/retry-policy/").text


@pytest.mark.parametrize("evil", CORPUS)
def test_hostile_names_are_text_everywhere(pages: Client, evil: str) -> None:
    person = make_user(first_name=evil, last_name=evil, email=evil[:100])
    role = Role.objects.create(name=evil)
    person.groups.add(role)
    item = MenuItem.objects.create(name=evil[:32], type="CLIENTS", creator=person, for_everyone=False)
    item.roles.add(role)
    audit.record(person, AuditAction.CHANGED, item, before={evil: evil}, after={evil: [evil, "x"]})
    paths = [
        "",
        "audit/",
        "menu-items/",
        f"menu-items/{item.key.hex}/",
        f"menu-items/{item.key.hex}/delete/",
        "roles/",
        f"roles/{role.pk}/",
    ]
    paths += [
        f"roles/{role.pk}/delete/",
        "users/",
        *(f"users/{person.key.hex}/{page}" for page in ("", "edit/", "password/")),
    ]
    for path in paths:
        shown = pages.get(f"/administration/{path}")
        assert shown.status_code == 200
        assert "<script>" not in shown.text
        assert "<img" not in shown.text
        assert "<svg onload" not in shown.text
        assert "14{%" not in shown.text
        assert not re.search(r'(href|src|action)="javascript:', shown.text)
        assert not [
            tag
            for tag in re.findall(r"<[a-zA-Z][^>]*>", shown.text)
            if re.search(r"\son\w+=", tag.split('"')[0])
        ]
