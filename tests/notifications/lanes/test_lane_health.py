"""How a lane does, by its results: what counts when, and when a lane is said to be failing.

The servers really refuse.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from bench.hostile.servers import ScriptedSmtp
from bench.standins import StandIns
from notifications import outbox, tasks
from notifications.channels.base.contract import DeliveryError
from notifications.database.clock import db_now
from notifications.delivery import tallies
from notifications.delivery.lane_failures import is_failing, likeness
from notifications.failures import Reason
from notifications.lanes.lane_health import LaneHealth, clock, health_of, minute_of
from notifications.models import Lane, LaneRefusal, LaneTally, Message
from notifications.outbox import Draft
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_lane, make_tally, officer

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL, WEB_HOOK = MessageType.EMAIL, MessageType.WEB_HOOK
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.get_fixed_timezone(0))
RELAY = "550 5.7.1 Relay access denied"


@pytest.fixture
def script() -> dict[str, str]:
    """What the mail server says at which stage; a test changes it."""
    return {}


@pytest.fixture
def mail(providers: StandIns, settings: Any, script: dict[str, str]) -> Iterator[ScriptedSmtp]:
    """A mail server that answers as `script` says."""
    server = ScriptedSmtp(script)
    settings.EMAIL_PORT = server.port
    yield server
    server.close()


def send(*names: str) -> None:
    """Enqueue a mail to each, and try all that is due once (retries of the default policy wait but for the
    first).
    """
    outbox.enqueue_many(
        Draft(EMAIL, destination=f"{name}@example.org", subject="s", body="b") for name in names
    )
    tasks.drain("EMAIL")


def health(channel: MessageType = EMAIL) -> LaneHealth:
    lane = Lane.objects.get(channel=channel)
    return health_of([lane], db_now())[lane.pk]


def test_a_server_that_refuses_all_is_failing_until_it_accepts(
    mail: ScriptedSmtp, script: dict[str, str], quick_retries: object
) -> None:
    send("before")
    success = health().last_success
    assert success is not None
    LaneTally.objects.update(minute=minute_of(success - timedelta(minutes=20)))

    script["rcpt"] = RELAY
    while Message.objects.live().exists() or Message.objects.count() == 1:
        send(*(f"ana{number}" for number in range(14) if Message.objects.count() == 1))

    found = health()
    assert set(Message.objects.filter(state=MessageState.FAILED).values_list("attempt_count", flat=True)) == {
        6
    }
    assert (found.delivered, found.failed, found.delivered_in_hour, found.failed_in_hour) == (0, 14, 1, 14)
    assert found.failing_since is not None
    assert found.words(db_now()) == f"0 of 14 delivered in 5 minutes; last success {success:%H:%M}"

    script.clear()
    send("after")
    assert (health().delivered, health().failed, health().failing_since) == (1, 14, None)
    assert health().words(db_now()) == "1 of 15 delivered in 5 minutes"


def test_a_message_that_is_delivered_at_last_has_not_failed(
    mail: ScriptedSmtp, script: dict[str, str], settings: Any
) -> None:
    settings.RETRY_POLICIES = {EMAIL: RetryPolicy(back_off_delay=3600, back_off_max_delay=3600)}
    script["rcpt"] = "450 4.7.1 Greylisted"
    send("ana")
    assert (health().delivered, health().failed) == (0, 1)
    script.clear()
    Message.objects.update(due_at=db_now())
    tasks.drain("EMAIL")
    assert (health().delivered, health().failed) == (1, 0)
    refused = LaneTally.objects.filter(outcome=Outcome.REFUSED)
    assert refused.aggregate(tries=Sum("tries"), messages=Sum("messages")) == {"tries": 2, "messages": 0}


@pytest.mark.parametrize(("people", "fails"), [(4, False), (5, True)])
def test_unknown_recipients_are_no_fault_of_the_server_unless_all_are(
    mail: ScriptedSmtp, script: dict[str, str], people: int, fails: bool
) -> None:
    script["rcpt"] = "550 5.1.1 No such user"
    send(*(f"ana{number}" for number in range(people)))
    assert health().failed == people
    assert (health().failing_since is not None) is fails


def test_two_failures_of_the_server_are_not_three(mail: ScriptedSmtp, script: dict[str, str]) -> None:
    script["mail"] = "550 5.7.1 Go away"
    send("ana", "bo")
    assert health().failing_since is None
    script.clear()
    send("cy")
    script["mail"] = "550 5.7.1 Go away"
    send("dee", "eve")
    assert (health().delivered, health().failing_since) == (1, None)
    send("flo")
    assert health().failing_since is not None


def test_one_broken_address_of_a_host_does_not_make_it_fail_while_others_are_accepted(
    providers: StandIns, settings: Any
) -> None:
    settings.RETRY_POLICIES = {WEB_HOOK: RetryPolicy(back_off_delay=3600, back_off_max_delay=3600)}
    broken = providers.webhook_url("/fail/404")
    for number in range(6):
        outbox.enqueue(Draft(WEB_HOOK, destination=broken, body="{}"))
        tasks.drain("WEB_HOOK")
        outbox.enqueue(Draft(WEB_HOOK, destination=providers.webhook_url(f"/in/{number}"), body="{}"))
        tasks.drain("WEB_HOOK")
    assert (health(WEB_HOOK).delivered, health(WEB_HOOK).failed) == (6, 6)
    assert health(WEB_HOOK).failing_since is None
    assert not Lane.objects.exclude(failing_since=None).exists()


def test_a_retry_of_what_failed_while_others_were_accepted_says_nothing_of_its_lane(
    providers: StandIns, settings: Any
) -> None:
    settings.RETRY_POLICIES = {WEB_HOOK: RetryPolicy(back_off_delay=3600, back_off_max_delay=3600)}
    for paths, failing in (
        (["/fail/404/1", "/fail/404/2"], False),
        (["/in"], False),
        (["/fail/404/3", "/fail/404/4"], False),  # and the first two again
        (["/fail/404/5"], True),
    ):
        Message.objects.filter(state=MessageState.WAITING).update(due_at=db_now())
        outbox.enqueue_many(
            Draft(WEB_HOOK, destination=providers.webhook_url(path), body="{}") for path in paths
        )
        tasks.drain("WEB_HOOK")
        assert (health(WEB_HOOK).failing_since is not None) is failing
    assert (health(WEB_HOOK).delivered, health(WEB_HOOK).failed) == (1, 5)


def test_what_can_never_be_sent_says_nothing_of_its_lane(providers: StandIns) -> None:
    bodies = [
        Draft(WEB_HOOK, destination=providers.webhook_url("/in"), body="{", content_type="application/json")
        for _ in range(9)
    ]
    outbox.enqueue_many(bodies)
    tasks.drain("WEB_HOOK")
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.FAILED}
    assert not Lane.objects.exclude(failing_since=None).exists()


# --- the rule -----------------------------------------------------------------------------------------------


def refusal(
    message: int,
    seconds: float = 0,
    *,
    of_lane: bool = True,
    throttled: bool = False,
    whom: str = "",
    answer: str = "",
) -> LaneRefusal:
    at = NOW + timedelta(seconds=seconds)
    return LaneRefusal(
        message_id=message,
        at=at,
        of_lane=of_lane,
        throttled=throttled,
        whom=whom or str(message),
        answer=answer or str(message),
    )


@pytest.mark.parametrize(
    ("seen", "fails"),
    [
        ([refusal(1), refusal(2), refusal(3)], True),
        ([refusal(1), refusal(2), refusal(2, 19.9)], False),
        ([refusal(1), refusal(1, 20)], True),
        ([refusal(1, of_lane=False), refusal(1, 60, of_lane=False)], False),
        ([refusal(number, of_lane=False) for number in range(9)], False),
        ([refusal(number, of_lane=False, answer="550") for number in range(4)], False),
        ([refusal(number, of_lane=False, answer="550") for number in range(5)], True),
        ([refusal(number, of_lane=False, answer="550", whom="ana") for number in range(9)], False),
        ([refusal(number, throttled=True, answer="454") for number in range(9)], False),
        ([refusal(1, throttled=True), refusal(1, 20, throttled=True)], True),
        ([], False),
    ],
)
def test_when_a_lane_is_failing(seen: list[LaneRefusal], fails: bool) -> None:
    assert is_failing(seen) is fails


def test_refusals_are_alike_by_their_reason_and_codes() -> None:
    def refused(text: str, destination: str) -> str:
        return likeness(DeliveryError(Reason.MESSAGING_EXCEPTION, text), destination)

    assert (
        refused("550 5.1.1 <ana@example.org>: unknown in table 1", "ana@example.org")
        == "MESSAGING_EXCEPTION 550 5.1.1"
    )
    assert (
        refused("550 5.1.1 <bo@example.org>: unknown in table 2", "bo@example.org")
        == "MESSAGING_EXCEPTION 550 5.1.1"
    )
    assert refused("550 5.2.1 disabled", "cy@example.org") == "MESSAGING_EXCEPTION 550 5.2.1"
    twilio = DeliveryError(
        Reason.SMS_SERVICE_ERROR, 'HTTP 400: {"code": 21211, "message": "Invalid +4917012345678"}'
    )
    assert likeness(twilio, "+4917012345678") == "SMS_SERVICE_ERROR 400 21211"


def test_numbers_in_words(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert clock(NOW - timedelta(minutes=119), NOW) == "12:01"
        assert clock(NOW - timedelta(days=1), NOW) == "31 May 14:00"
        assert clock(NOW - timedelta(days=365), NOW) == "1 Jun 2025 14:00"
        assert (
            LaneHealth(0, 1_400, 3, 2_000, NOW).words(NOW)
            == "0 of 1,400 delivered in 5 minutes; last success 14:00"
        )
        assert (
            LaneHealth(0, 0, 3, 4, NOW).words(NOW) == "3 of 7 delivered in the last hour; last success 14:00"
        )
        assert LaneHealth().words(NOW) == "nothing tried in the last hour; no success on record"


# --- tallies ------------------------------------------------------------------------------------------------


def tally(lane: Lane, ago: float, worker: str = "a", **fields: Any) -> None:
    """A tally of so many minutes before NOW."""
    make_tally(lane, NOW - timedelta(minutes=ago), worker=worker, **fields)


def test_the_numbers_are_those_of_all_workers_in_five_minutes_and_an_hour() -> None:
    lane, other = make_lane(), make_lane(name="other")
    tally(lane, 0, delivered=2, failed=1, accepted_at=NOW - timedelta(seconds=9))
    tally(lane, 0, "b", delivered=3, failed=-1)
    tally(lane, 5, failed=4)
    tally(lane, 6, delivered=10)
    tally(lane, 60, failed=20)
    tally(lane, 61, failed=100)
    found = health_of([lane, other], NOW)
    assert found[lane.pk] == LaneHealth(5, 4, 15, 24, NOW - timedelta(seconds=9), None)
    assert found[other.pk] == LaneHealth()


def test_a_sweep_keeps_the_last_success_and_nothing_that_is_older_than_an_hour() -> None:
    lane, now = make_lane(), db_now()
    success = now - timedelta(minutes=70)
    for ago, worker in ((70, "a"), (71, "b"), (1, "a")):
        at = now - timedelta(minutes=ago)
        make_tally(lane, at, worker=worker, delivered=1, accepted_at=at if ago > 60 else None)
    assert tallies.sweep() == 4
    lane.refresh_from_db()
    assert lane.accepted_at == success
    assert health_of([lane], now)[lane.pk].last_success == success
    assert LaneTally.objects.count() == 2


# --- who is told --------------------------------------------------------------------------------------------


def failing_lane(since: float, **fields: Any) -> Lane:
    lane, now = make_lane(WEB_HOOK, "hooks.example.org:443"), db_now()
    make_tally(lane, now, failed=14)
    values = {
        "failing_since": now - timedelta(seconds=since),
        "failing_with": "INVALID_HTTP_RESPONSE: HTTP 404",
    }
    Lane.objects.filter(pk=lane.pk).update(**(values | fields))
    return lane


def test_what_is_over_is_forgotten() -> None:
    lane = failing_lane(60)
    LaneTally.objects.filter(outcome=Outcome.ACCEPTED).update(messages=1, accepted_at=db_now())
    tallies.sweep()
    lane.refresh_from_db()
    assert (lane.failing_since, lane.failing_with) == (None, "")


def test_every_page_says_so_and_the_probe_of_the_senders_does_not(
    mail: ScriptedSmtp, script: dict[str, str], client: Client
) -> None:
    client.force_login(officer())
    script["rcpt"] = RELAY
    send(*(f"ana{number}" for number in range(14)))
    dashboard = client.get("/")
    card = dashboard.context["channels"][0]
    assert (card.words, [line.numbers for line in card.troubled]) == (
        "Failing",
        ["0 of 14 delivered in 5 minutes; no success on record"],
    )
    said = (
        f"E-mail by 127.0.0.1:{mail.port} is failing: 0 of 14 delivered in 5 minutes; no success on record."
    )
    assert said in dashboard.text
    assert said in client.get("/communications/").text
    assert client.get("/healthz/sender").json() == {"sending": True}
