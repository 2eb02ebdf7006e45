"""The switch of webhooks over the API."""

from collections.abc import Callable
from typing import Any

import pytest

from commlog.models import AuditEntry
from notifications import outbox
from notifications.failures import Reason
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program, refusal

SWITCH = "/api/notificationsettings/webhook"


def put(program: Program, body: str) -> Any:
    return program.client.put(SWITCH, body, content_type="application/json", headers={"apiKey": program.key})


def test_webhooks_are_switched_for_the_whole_organisation(program: Program) -> None:
    assert program.get(SWITCH).json() == {"state": "ENABLED"}
    assert put(program, '{"state": "DISABLED"}').json() == program.get(SWITCH).json() == {"state": "DISABLED"}
    refused = outbox.enqueue(Draft(MessageType.WEB_HOOK, destination="https://hooks.example.org/", body="{}"))
    assert (refused.state, refused.failure_reason) == (
        MessageState.FAILED,
        Reason.WEBHOOK_NOTIFICATIONS_DISABLED,
    )
    assert put(program, '{"state": "ENABLED"}').json() == {"state": "ENABLED"}
    assert AuditEntry.objects.filter(target_kind="channel").count() == 2


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"state": "disabled"}', '{"state": null}', '{"state": ["DISABLED"]}', "{", ""]
)
def test_a_wrong_body_is_refused_and_changes_nothing(program: Program, body: str) -> None:
    assert put(program, body).status_code == 400
    assert program.get(SWITCH).json() == {"state": "ENABLED"}


def test_it_takes_an_administrator(as_role: Callable[[str], Program]) -> None:
    officer = as_role("Officer")
    assert refusal(officer.get(SWITCH))[0] == 403
    assert refusal(put(officer, '{"state": "DISABLED"}'))[0] == 403
