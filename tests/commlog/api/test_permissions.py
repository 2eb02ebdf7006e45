"""Every operation of the API × every role. A new operation needs one row."""

from collections.abc import Callable
from typing import Any

import pytest

from commlog.api.urls import api
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_message

pytestmark = pytest.mark.django_db
ROLES = ("", "Viewer", "Officer", "Administrator")
BASE = "/api/communications/messages"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}
KEY = "0" * 32  # of nothing: who may ask is answered 404
# Operation: method, path, body, and the status for a program without a role, a viewer, an officer, an
# administrator.
TABLE: dict[str, tuple[str, str, Any, tuple[int, int, int, int]]] = {
    "send": ("post", BASE, EMAIL, (403, 403, 201, 201)),
    "getByEncodedKey": ("get", f"{BASE}/{KEY}", None, (403, 404, 404, 404)),
    "search": ("post", f"{BASE}:search", [], (403, 200, 200, 200)),
    "search_1": (
        "post",
        f"{BASE}:searchSorted",
        {"filterCriteria": [], "sortingCriteria": {"field": "type"}},
        (403, 200, 200, 200),
    ),
    "resend": ("post", f"{BASE}:resend", [KEY], (403, 403, 404, 404)),
    "enqueueByKeys": ("post", f"{BASE}:resendAsyncByKeys", [KEY], (403, 403, 404, 404)),
    "enqueueByDate": (
        "post",
        f"{BASE}:resendAsyncByDate",
        {"startDate": "2026-11-24", "endDate": "2026-11-24"},
        (403, 403, 200, 200),
    ),
    "sendEvent": ("post", "/api/events", {"event": "CLIENT_CREATED", "clientKey": KEY}, (403, 403, 403, 404)),
    "getEvent": ("get", f"/api/events/{KEY}", None, (403, 404, 404, 404)),
    "createTemplate": ("post", "/api/templates", {}, (403, 403, 403, 400)),
    "getTemplate": ("get", f"/api/templates/{KEY}", None, (403, 403, 403, 404)),
    "patchTemplate": (
        "patch",
        f"/api/templates/{KEY}",
        [{"op": "REPLACE", "path": "name", "value": "x"}],
        (403, 403, 403, 404),
    ),
    "deleteTemplate": ("delete", f"/api/templates/{KEY}", None, (403, 403, 403, 404)),
    **{
        f"{verb}{whom}{what}": (method, f"/api/{whom.lower()}s/{KEY}/subscriptions{path}", body, statuses)
        for whom in ("Client", "Group")
        for verb, what, method, path, body, statuses in (
            ("get", "Subscriptions", "get", "", None, (403, 404, 404, 404)),
            ("subscribe", "", "post", "", {"templateId": KEY}, (403, 403, 404, 404)),
            ("unsubscribe", "", "delete", f"/{KEY}", None, (403, 403, 404, 404)),
        )
    },
    **{
        f"anonymize{whom}": ("post", f"/api/{whom.lower()}s/{KEY}/anonymize", None, (403, 403, 403, 404))
        for whom in ("Client", "Group")
    },
    "anonymization": ("get", f"/api/anonymizations/{KEY}", None, (403, 403, 403, 404)),
    "getAudit": ("get", "/api/audit", None, (403, 403, 403, 200)),
    "webHookSettings": ("get", "/api/notificationsettings/webhook", None, (403, 403, 403, 200)),
    "switchWebHooks": (
        "put",
        "/api/notificationsettings/webhook",
        {"state": "ENABLED"},
        (403, 403, 403, 200),
    ),
    "organization": ("get", "/api/setup/organization", None, (200, 200, 200, 200)),
    "branches": ("get", "/api/branches", None, (200, 200, 200, 200)),
}


def test_no_operation_is_missing() -> None:
    operations = [each for methods in api.described("/api/")["paths"].values() for each in methods.values()]
    assert sorted(each["operationId"] for each in operations) == sorted(TABLE)


@pytest.mark.parametrize("operation", TABLE)
def test_each_role_at(operation: str, as_role: Callable[[str], Program]) -> None:
    method, path, body, expected = TABLE[operation]
    make_message(MessageState.SENT)
    statuses = []
    for role in ROLES:
        program = as_role(role)
        response = program.call(method, path, body)
        statuses.append(response.status_code)
        if response.status_code == 403:
            assert refusal(response)[1:3] == (15, "INVALID_PERMISSIONS")
    assert tuple(statuses) == expected
