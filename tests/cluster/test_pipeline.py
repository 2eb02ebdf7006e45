"""Real clusters, real providers, real databases."""

import shutil
import signal
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bench.installation import FINAL, ROOT, Installation, expected, kill_group, mixed, received

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

# Seconds that a retry may be late here, where other tests want the processors too: shorter than from one step
# of the seed's schedule to the next. `make bench` measures it on an idle machine.
LATE = 3.5
# The database has no say in how long a message waits; one test that measures it is run on both.
_ON_SQLITE = pytest.mark.skipif(not settings.IS_SQLITE, reason="done on SQLite")


def seconds(later: str, earlier: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def waits(message: dict[str, Any]) -> list[float]:
    """The seconds between the end of each attempt and the start of the next."""
    return [
        seconds(later["startedAt"], earlier["finishedAt"]) for earlier, later in pairwise(message["attempts"])
    ]


def test_a_thousand_mixed_messages_are_each_received_once(installation: Installation) -> None:
    messages = mixed(installation.providers, 1_000)
    keys = installation.enqueue(*messages)

    with installation.cluster():
        log = installation.until_final(within=90)

    assert [message["encodedKey"] for message in reversed(log)] == keys
    assert {message["state"] for message in log} == {"SENT"}
    assert {len(message["attempts"]) for message in log} == {1}
    assert received(installation.providers) == expected(messages, installation.providers)


@_ON_SQLITE
@pytest.mark.xdist_group("retries")
def test_providers_that_always_fail_are_tried_six_times_at_the_seed_s_pace(
    installation: Installation,
) -> None:
    for channel in ("EMAIL", "SMS", "WEB_HOOK"):
        installation.providers.outage(channel, on=True)
    with installation.cluster():
        time.sleep(3)  # the cluster is up: what follows is the schedule's own lateness
        installation.enqueue(*mixed(installation.providers, 3))
        log = installation.until(lambda log: all(message["state"] == "FAILED" for message in log), within=110)

    for message in log:
        assert [attempt["outcome"] for attempt in message["attempts"]] == ["REFUSED"] * 6
        assert message["numRetries"] == 5
        for waited, wanted in zip(waits(message), [0, 2, 6, 18, 54], strict=True):
            assert wanted <= waited <= wanted + LATE, (
                f"{message['type']} waited {waited} s instead of {wanted} s"
            )


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        pytest.param({"RETRY_ENABLED": "0"}, {"WEB_HOOK": [], "EMAIL": []}, marks=_ON_SQLITE),
        (
            {"RETRY_FIRST_AT_ONCE": "0", "RETRY_MAX_RETRIES": "1", "RETRY_EMAIL_MAX_RETRIES": "0"},
            {"WEB_HOOK": [0.4, 0.8], "EMAIL": [0.4]},
        ),
    ],
)
def test_the_operator_s_retry_settings(
    installation: Installation, variables: dict[str, str], wanted: dict[str, list[float]]
) -> None:
    quick = {"RETRY_BACK_OFF_DELAY": "0.4", "RETRY_DELAY_FACTOR": "2"}
    installation.providers.outage("EMAIL", on=True)
    installation.enqueue(
        {"type": "WEB_HOOK", "destination": installation.providers.webhook_url("/fail/503"), "body": "x"},
        {"type": "EMAIL", "destination": "ana@example.org", "subject": "x", "body": "x"},
    )

    with installation.cluster(**quick, **variables):
        messages = installation.until_final(within=30)

    assert {message["state"] for message in messages} == {"FAILED"}
    for message in messages:
        found, due = waits(message), wanted[message["type"]]
        assert len(found) == len(due)
        assert all(wait <= waited <= wait + LATE for waited, wait in zip(found, due, strict=True)), found


@_ON_SQLITE
def test_for_ever_goes_on_at_the_longest_delay(installation: Installation) -> None:
    installation.enqueue(
        {"type": "WEB_HOOK", "destination": installation.providers.webhook_url("/fail/503"), "body": "x"}
    )

    with installation.cluster(
        RETRY_MAX_RETRIES="-1", RETRY_BACK_OFF_DELAY="0.1", RETRY_BACK_OFF_MAX_DELAY="0.2"
    ):
        (message,) = installation.until(lambda log: len(log[0]["attempts"]) > 10, within=30)

    assert message["state"] in ("WAITING", "SENDING_ASYNC")


def _until_some_are_received(installation: Installation) -> None:
    """Wait, as short as can be, until the providers have some of many messages: what comes next must find the
    cluster at work.
    """
    end = time.monotonic() + 60
    while len(received(installation.providers)) <= 50:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_clean_stop_under_load_and_a_second_start_send_each_message_once(
    installation: Installation,
) -> None:
    messages = mixed(installation.providers, 2_000)
    installation.enqueue(*messages)

    with installation.cluster() as cluster:
        _until_some_are_received(installation)
        stopping = time.monotonic()
        cluster.send_signal(signal.SIGTERM)
        assert cluster.wait(timeout=30) == 0
        assert time.monotonic() - stopping < 15
    assert {attempt["outcome"] for message in installation.log() for attempt in message["attempts"]} == {
        "ACCEPTED"
    }
    with installation.cluster():
        installation.until_final(within=90)

    assert received(installation.providers) == expected(messages, installation.providers)


def test_nothing_is_lost_when_every_process_is_killed(installation: Installation) -> None:
    messages = mixed(installation.providers, 1_200)
    installation.enqueue(*messages)

    with installation.cluster() as cluster:
        _until_some_are_received(installation)
        kill_group(cluster)
    assert not all(message["state"] in FINAL for message in installation.log()), "the kill came too late"
    with installation.cluster():
        log = installation.until_final(within=120)

    got = received(installation.providers)
    twice = {destination for destination, after in pairwise(got) if destination == after}
    marked = {
        message["destination"].rpartition("/in/")[2] for message in log if message.get("possibleDuplicate")
    }
    assert set(expected(messages, installation.providers)) - set(got) <= {
        message["destination"] for message in log if message["outcome"] == "UNKNOWN"
    }
    assert {destination.rpartition("/in/")[2] for destination in twice} <= marked
    assert not any(destination.startswith("+") for destination in twice), "an SMS was sent twice"
    assert all(message["attempts"] for message in log)
    counted = "from bench.counts import wrong; print(wrong())"
    assert installation.ask("shell", "--no-imports", "-c", counted).strip() == "[]"


@pytest.mark.postgres
@pytest.mark.skipif(
    settings.IS_SQLITE, reason="several machines share one PostgreSQL database, not a SQLite file"
)
def test_two_clusters_from_two_directories_send_each_message_once(
    installation: Installation, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    for name in ("commlog", "notifications", "templates", "static"):
        shutil.copytree(ROOT / name, second / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", second)
    messages = mixed(installation.providers, 1_000)

    with installation.cluster(), installation.cluster(root=second):
        installation.enqueue(*messages)
        log = installation.until_final(within=90)

    assert {(message["state"], len(message["attempts"])) for message in log} == {("SENT", 1)}
    assert received(installation.providers) == expected(messages, installation.providers)
