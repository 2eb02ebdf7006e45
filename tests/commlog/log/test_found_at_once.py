"""What an index finds, whatever the length of the log: whom the box names, exact conditions, any of several,
states that wait.
"""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commlog.kit import paging
from commlog.kit.limits import counted
from commlog.log.columns import DEFAULT_SORTING
from notifications.criteria import Criterion, Match, Operator, narrow
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.process import this_process
from notifications.states import LIVE, MessageState, MessageType
from notifications.words import index, indexing
from notifications.words.question import words_of_part
from tests.factories import make_client, make_message, make_user

pytestmark = pytest.mark.django_db
URL = "/communications/"


def _listed(pages: Client, text: str, **more: str) -> set[str]:
    log = pages.get(URL, {"q": text} | more).context["log"]
    assert not log.faulty
    return {row.message.subject for row in log.rows}


def test_whom_the_box_names_is_listed_and_texts_are_one_step_away(pages: Client) -> None:
    ana = make_client(client_id="000123", first_names="Ana", last_name="Sílva")
    make_message(subject="to Ana", destination="Ana.Sílva@example.org", client=ana)
    make_message(MessageState.QUEUED, MessageType.SMS, subject="SMS", destination="+4917012345678")
    make_message(subject="of Ana's reference", reference_id="LN-4711")
    make_message(subject="by Bo", sender_user=make_user("bo", first_name="Bo", last_name="Lind"))
    make_message(
        subject="a text", content="ana.silva@example.org, +49 170 12345678, 000123, LN-4711, Bo Lind"
    )
    for text, found in {
        "ANA.SILVA@example.org": "to Ana",
        "000123": "to Ana",
        "Ana Silva": "to Ana",
        "0049 (0) 170-12345678": "SMS",
        "tel:+4917012345678": "SMS",
        "LN-4711": "of Ana's reference",
        "Bo Lind": "by Bo",
    }.items():
        assert _listed(pages, text) == {found}, text
    assert _listed(pages, '"000123"') == {"to Ana", "a text"}
    assert _listed(pages, "“Bo Lind”") == {"a text"}
    assert _listed(pages, "*ln-4711") == {"of Ana's reference", "a text"}

    page = pages.get(URL, {"q": "LN-4711"})
    assert "Messages to or about “LN-4711”." in page.text
    (notice,) = page.context["log"].notices
    assert "q=%22LN-4711%22" in notice
    assert "Messages to or about" not in pages.get(URL, {"q": "instalment"}).text


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
@pytest.mark.parametrize(
    ("operator", "value"),
    [
        (Operator.EQUALS, "ana@example.org"),
        (Operator.STARTS_WITH, "ana@"),
        (Operator.EQUALS, "josé@example.org"),
    ],
)
def test_a_destination_is_a_search_of_an_index(operator: Operator, value: str) -> None:
    for destination in ("ANA@example.org", "José@example.org", "x@example.org"):
        make_message(destination=destination)
    found = narrow(Message.objects.all(), [Criterion("destination", operator, (value,))])
    assert found.count() == 1
    assert "INDEX message_spelled_to" in _plan(found)


def _plan(messages: MessageQuerySet) -> str:
    sql, params = messages.order_by("-created_at", "-pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return " ".join(str(line[3]) for line in cursor.fetchall())


def test_legs_take_the_place_of_their_or(pages: Client) -> None:
    states = (MessageState.QUEUED, MessageState.WAITING, MessageState.SENT, MessageState.FAILED)
    for state in states:
        make_message(state, subject=state, destination=f"{state.lower()}@example.org")
    waiting = Criterion("state", Operator.IN, ("QUEUED", "SENDING_ASYNC", "WAITING"))
    to_sent = Criterion("destination", Operator.EQUALS, ("sent@example.org",))
    text = Criterion("subject", Operator.CONTAINS, ("FAIL",))
    everything = Message.objects.filter(type=MessageType.EMAIL)

    by_state = narrow(everything, [waiting])
    either = narrow(everything, [waiting, to_sent], Match.ANY)
    scanned = narrow(everything, [to_sent, text], Match.ANY)

    assert (len(by_state.legs), len(either.legs), scanned.legs) == (3, 4, ())
    assert " OR " not in str(by_state.of_leg(by_state.legs[0]).query)
    assert [{each.subject for each in found} for found in (by_state, either, scanned)] == [
        {"QUEUED", "WAITING"},
        {"QUEUED", "WAITING", "SENT"},
        {"SENT", "FAILED"},
    ]
    with CaptureQueriesContext(connection) as asked:
        assert _listed(pages, "", state="PENDING") == {"QUEUED", "WAITING"}
    (one,) = (each["sql"] for each in asked if " UNION " in each["sql"])
    assert one.count("LIMIT 51") == len(LIVE) + 1
    assert '"state" IN (' not in one


def test_a_single_leg_takes_the_place_of_its_condition() -> None:
    on_hold = narrow(Message.objects.all(), [Criterion("on_hold", Operator.EQUALS, ("true",))])
    assert (on_hold.legs, "EXISTS" in str(on_hold.query)) == ((), False)


def test_a_page_of_legs_is_full_although_some_are_of_several(pages: Client) -> None:
    failed = Criterion("state", Operator.EQUALS, ("FAILED",))
    to_ana = Criterion("destination", Operator.EQUALS, ("ana@example.org",))
    for number in range(4):
        make_message(MessageState.FAILED, subject=str(number), destination="ana@example.org")
    either = narrow(Message.objects.all(), [failed, to_ana], Match.ANY)
    assert len(either.legs) == 2
    with CaptureQueriesContext(connection) as asked:
        page = paging.fetch(either, DEFAULT_SORTING, size=3)
    assert ([each.subject for each in page.rows], bool(page.after)) == (["3", "2", "1"], True)
    # Of the rows themselves only the page is read, and one more, however many legs there are.
    read = asked[-1]["sql"].partition(" IN (")[2].partition(")")[0]
    assert len(read.split(",")) == 4


def test_legs_are_counted_without_their_or(pages: Client) -> None:
    user = make_user()
    for _ in range(3):
        make_message(user=user)
    make_message(user=user, sender_user=user)
    make_message()

    with CaptureQueriesContext(connection) as asked:
        assert [counted(Message.objects.of_user(user.pk), most) for most in (10, 3, 2)] == [4, 4, 3]
    assert all(" UNION " in each["sql"] and " OR " not in each["sql"] for each in asked)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="by PostgreSQL's statistics")
def test_an_exact_subject_is_looked_for_by_its_rarest_words() -> None:
    for number in range(60):
        make_message(subject=f"Your instalment {number} of €{number}7.09 is due on the 6th")
    indexing.fill(5)
    subject = "Your instalment 17 of €177.09 is due on the 6th"
    asked = [Criterion("subject", Operator.EQUALS, (subject,))]
    question = words_of_part(subject, begins=True, ends=True)
    assert len(index.rarest(question).terms) == 12  # not analysed yet

    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {index.TABLE}")
    this_process.forget()

    assert {"177", "17"} < {term.lexemes[0] for term in index.rarest(question).terms}
    assert len(index.rarest(question).terms) == 3
    assert [each.subject for each in narrow(Message.objects.all(), asked)] == [subject]
