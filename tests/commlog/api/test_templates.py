"""Webhook templates and subscriptions over the API."""

from collections.abc import Callable
from typing import Any

import pytest

from commlog.models import AuditEntry
from notifications import events
from notifications.events import Happening
from notifications.models import Message, NotificationTemplate, Subscription
from notifications.secrets.sealed import open_headers, opened
from notifications.states import MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client, make_group, make_template

pytestmark = pytest.mark.django_db
TEMPLATES = "/api/templates"


def _template(**fields: Any) -> dict[str, Any]:
    given = {
        "name": " Repaid ",
        "type": "WEB_HOOK",
        "target": "LOANS",
        "event": "LOAN_REPAYMENT",
        "body": '{"amount": {AMOUNT}}',
    }
    given |= {
        "url": "https://hooks.example.org/{CLIENT_ID}",
        "requestType": "POST",
        "contentType": "APPLICATION_JSON",
    }
    return {name: value for name, value in (given | fields).items() if value is not None}


def test_a_template_is_made_and_its_signing_secret_told_once(program: Program) -> None:
    wanted = _template(
        authorization="BASIC_AUTHORIZATION",
        username="bank",
        password="hunter2",
        headers=[
            {"headerKey": "X-Token", "headerValue": "s3cret"},
            {"headerKey": "X-Source", "headerValue": "core"},
        ],
        filterConstraints=[{"filterSelection": "AMOUNT", "filterElement": "more_than", "value": 100}],
        filtersLinkingOperator="MATCH_ANY",
    )
    answer = program.post(TEMPLATES, wanted)
    made = NotificationTemplate.objects.get()
    told = answer.json()
    assert (answer.status_code, told["id"], told["name"]) == (201, made.key.hex, "Repaid")
    assert told["signingSecret"] == opened(made.signing_secret)
    assert told["filterConstraints"] == [
        {"filterSelection": "AMOUNT", "filterElement": "MORE_THAN", "value": "100"}
    ]
    assert {one["headerKey"]: one["headerValue"] for one in told["headers"]} == {
        "X-Token": "hidden",
        "X-Source": "core",
    }
    assert (opened(made.auth_password), open_headers(made.headers)["X-Token"], made.match_any) == (
        "hunter2",
        "s3cret",
        True,
    )
    again = program.get(f"{TEMPLATES}/{made.key.hex}").json()
    assert again == {name: value for name, value in told.items() if name != "signingSecret"}
    assert "hunter2" not in str(again)
    assert AuditEntry.objects.get(action="CREATED", target_kind="template").target_label == "Repaid"


def test_numbers_are_read_as_json_means_them_and_an_empty_user_name_is_none(program: Program) -> None:
    conditions = [
        {"filterSelection": "AMOUNT", "filterElement": "BETWEEN", "value": 0.0000015, "secondValue": 1e3},
        {
            "filterSelection": "{DAYS_IN_ARREARS}",
            "filterElement": "EQUALS",
            "value": 7.0,
            "dataFieldType": "NATIVE",
        },
    ]
    told = program.post(
        TEMPLATES, _template(triggerDays=7.0, filterConstraints=conditions, username="")
    ).json()
    assert (told["triggerDays"], told["authorization"]) == (7, "NO_AUTHORIZATION")
    assert told["filterConstraints"] == [
        {"filterSelection": "AMOUNT", "filterElement": "BETWEEN", "value": "0.000002", "secondValue": "1000"},
        {"filterSelection": "DAYS_IN_ARREARS", "filterElement": "EQUALS", "value": "7"},
    ]


WRONG: tuple[tuple[dict[str, Any], tuple[int, int, str]], ...] = (
    ({"type": "EMAIL"}, (400, 4, "INVALID_PARAMETERS")),
    ({"name": None}, (400, 31, "MISSING_REQUIRED_PARAMETER")),
    ({"colour": "red"}, (400, 27, "PARAMETER_NOT_ALLOWED")),
    ({"url": "https://hooks.example.org/'"}, (400, 2610, "URL_CONTAINS_QUOTES")),
    ({"url": "https://{CLIENT_ID}.example.org/"}, (400, 2622, "URL_CONTAINS_INVALID_PLACEHOLDERS")),
    ({"url": "https://hooks.example.org/{NOBODY}"}, (400, 2622, "URL_CONTAINS_INVALID_PLACEHOLDERS")),
    ({"body": '{"a": "{NOBODY}"}'}, (400, 2619, "INVALID_PLACEHOLDER")),
    ({"event": "PARTY"}, (400, 2617, "INVALID_EVENT")),
    ({"target": "ACCOUNTING"}, (400, 2618, "INVALID_TARGET")),
    ({"target": "NOBODY"}, (400, 2618, "INVALID_TARGET")),
    ({"requestType": "GET"}, (400, 2621, "INVALID_WEBHOOK_REQUEST_TYPE")),
    ({"name": "x" * 256}, (400, 2620, "INVALID_FIELD_LENGTH")),
    ({"activated": "yes"}, (400, 4, "INVALID_PARAMETERS")),
    ({"triggerDays": 1.5}, (400, 4, "INVALID_PARAMETERS")),
    ({"triggerDays": 10**30}, (400, 4, "INVALID_PARAMETERS")),
    ({"headers": [{"headerKey": "A b", "headerValue": "1"}]}, (400, 4, "INVALID_PARAMETERS")),
    ({"headers": [1]}, (400, 4, "INVALID_PARAMETERS")),
    ({"headers": [{"headerKey": "A", "headerValue": "1", "secret": True}]},
     (400, 27, "PARAMETER_NOT_ALLOWED")),
    ({"headers": [{"headerKey": "A"}]}, (400, 31, "MISSING_REQUIRED_PARAMETER")),
    ({"headers": [{"headerKey": "A", "headerValue": "1", "id": {}}]}, (400, 4, "INVALID_PARAMETERS")),
    ({"filterConstraints": [{"filterSelection": "AMOUNT", "filterElement": "IN"}]},
     (400, 2101, "INVALID_FILTER_ELEMENT")),
    ({"filterConstraints": [{"filterSelection": "AMOUNT", "filterElement": "EQUALS", "value": {}}]},
     (400, 2102, "INVALID_FILTER_VALUE")),
    ({"filterConstraints": [{"filterSelection": "AMOUNT", "filterElement": "BETWEEN",
                              "value": 1, "secondvalue": 2}]},
     (400, 27, "PARAMETER_NOT_ALLOWED")),
    ({"filterConstraints": [{"filterSelection": "AMOUNT", "filterElement": "BETWEEN", "value": 1}]},
     (400, 2103, "INVALID_FILTER_SECOND_VALUE")),
    ({"filterConstraints": [{"filterSelection": "AMOUNT", "filterElement": "EMPTY", "dataItemType": "\0"}]},
     (400, 4, "INVALID_PARAMETERS")),
    ({"filterConstraints": [{"filterSelection": "DAYS_IN_ARREARS", "filterElement": "EQUALS", "value": 0.1}]},
     (400, 2102, "INVALID_FILTER_VALUE")),
    ({"filterConstraints": [{"filterSelection": "NOBODY", "filterElement": "EMPTY"}]},
     (400, 2100, "INVALID_FILTER_SELECTION")),
    ({"authorization": "BASIC_AUTHORIZATION"}, (400, 31, "MISSING_REQUIRED_PARAMETER")),
    ({"authorization": "BASIC_AUTHORIZATION", "username": "a:b"}, (400, 4, "INVALID_PARAMETERS")),
    ({"authorization": "BASIC_AUTHORIZATION", "username": "a\n"}, (400, 4, "INVALID_PARAMETERS")),
    ({"authorization": "BASIC_AUTHORIZATION", "username": "a", "password": "b\x7f"},
     (400, 4, "INVALID_PARAMETERS")),
    ({"authorization": "NO_AUTHORIZATION", "username": "a:b"}, (400, 4, "INVALID_PARAMETERS")),
    ({"authorization": "NO_AUTHORIZATION", "password": "x" * 501}, (400, 4, "INVALID_PARAMETERS")),
    ({"body": "a\0"}, (400, 4, "INVALID_PARAMETERS")),
)  # fmt: skip


@pytest.mark.parametrize(("fields", "error"), WRONG)
def test_a_wrong_template_is_refused_with_its_code(
    program: Program, fields: dict[str, Any], error: tuple[int, int, str]
) -> None:
    assert refusal(program.post(TEMPLATES, _template(**fields)))[:3] == error
    assert NotificationTemplate.objects.count() == 0


def _patch(program: Program, key: str, body: Any) -> Any:
    return program.client.patch(
        f"{TEMPLATES}/{key}", body, content_type="application/json", headers={"apiKey": program.key}
    )


def test_a_template_is_changed_piece_by_piece_and_keeps_its_secrets(program: Program) -> None:
    key = program.post(TEMPLATES, _template(username="bank", password="hunter2")).json()["id"]
    steps = [
        {"op": "REPLACE", "path": "activated", "value": False},
        {"op": "ADD", "path": "/url", "value": "https://hooks.example.org/new"},
    ]
    told = _patch(program, key, [*steps, {"op": "REMOVE", "path": "headers"}])
    made = NotificationTemplate.objects.get()
    assert (told.status_code, told.json()["activated"], told.json()["url"]) == (
        200,
        False,
        "https://hooks.example.org/new",
    )
    assert (made.active, made.destination, opened(made.auth_password)) == (
        False,
        "https://hooks.example.org/new",
        "hunter2",
    )
    assert opened(made.signing_secret).startswith("whsec_")


def _with_secrets(program: Program) -> NotificationTemplate:
    headers = [
        {"headerKey": "X-Token", "headerValue": "s3cret"},
        {"headerKey": "X-Source", "headerValue": "core"},
    ]
    program.post(TEMPLATES, _template(username="bank", password="hunter2", headers=headers))
    return NotificationTemplate.objects.get()


AWAY = {"op": "REPLACE", "path": "/url", "value": "https://evil.example/in"}
_HIDDEN = [{"headerKey": "X-Token", "headerValue": "hidden"}]


@pytest.mark.parametrize(
    ("steps", "source"),
    [
        ([], "password and headers (X-Token)"),
        ([{"op": "REPLACE", "path": "password", "value": "anew"}], "headers (X-Token)"),
        ([{"op": "REPLACE", "path": "headers", "value": None}], "password"),
        (
            [{"op": "REMOVE", "path": "password"}, {"op": "REPLACE", "path": "headers", "value": _HIDDEN}],
            "headers (X-Token)",
        ),
        (
            [{"op": "REPLACE", "path": "username", "value": "other"}, {"op": "REMOVE", "path": "headers"}],
            "password",
        ),
    ],
)
def test_a_url_of_another_server_takes_no_stored_secret_along(
    program: Program, steps: list[Any], source: str
) -> None:
    made = _with_secrets(program)
    status, code, _, said = refusal(_patch(program, made.key.hex, [AWAY, *steps]))
    assert (status, code, said.partition(":")[0]) == (400, 31, source)
    kept = NotificationTemplate.objects.get()
    assert (kept.destination, kept.auth_password, kept.headers) == (
        made.destination,
        made.auth_password,
        made.headers,
    )


@pytest.mark.parametrize("remove", [{"op": "REMOVE"}, {"op": "REPLACE", "value": None}])
def test_secrets_that_are_null_are_removed_and_do_not_come_back(
    program: Program, remove: dict[str, Any]
) -> None:
    made = _with_secrets(program)
    told = _patch(program, made.key.hex, [AWAY, remove | {"path": "password"}, remove | {"path": "headers"}])
    moved = NotificationTemplate.objects.get()
    assert (told.status_code, moved.destination, moved.auth_username) == (
        200,
        "https://evil.example/in",
        "bank",
    )
    assert (moved.auth_password, moved.headers) == ("", {})
    assert _patch(program, made.key.hex, [AWAY | {"value": made.destination}]).status_code == 200
    assert NotificationTemplate.objects.get().auth_password == ""


def test_secrets_that_come_along_are_sent_to_the_new_server(program: Program) -> None:
    made = _with_secrets(program)
    given = [{"headerKey": "X-Token", "headerValue": "anew"}]
    steps = [
        {"op": "ADD", "path": "password", "value": "hunter3"},
        {"op": "ADD", "path": "headers", "value": given},
    ]
    assert _patch(program, made.key.hex, [AWAY, *steps]).status_code == 200
    moved = NotificationTemplate.objects.get()
    assert (opened(moved.auth_password), open_headers(moved.headers)) == ("hunter3", {"X-Token": "anew"})


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ({}, 4),
        ([], 4),
        ([{"op": "MOVE", "path": "url", "from": "body"}], 4),
        ([{"op": "COPY", "path": "url"}], 4),
        ([{"op": "REPLACE", "path": "id", "value": "1"}], 27),
        ([{"op": "REPLACE", "path": "url"}], 31),
        ([{"op": "REMOVE", "path": "url"}], 31),
        ([1], 4),
        (
            [
                {"op": "REPLACE", "path": "activated", "value": "?"},
                {"op": "REPLACE", "path": "/activated", "value": True},
            ],
            4,
        ),
    ],
)
def test_a_wrong_step_changes_nothing(program: Program, steps: Any, code: int) -> None:
    template = make_template(MessageType.WEB_HOOK)
    assert refusal(_patch(program, template.key.hex, steps))[:2] == (400, code)
    assert NotificationTemplate.objects.get().changed_at == template.changed_at


def test_a_deleted_template_is_gone_and_its_messages_stay(program: Program) -> None:
    template = make_template(MessageType.WEB_HOOK, name="Paid")
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client()))
    gone = program.client.delete(f"{TEMPLATES}/{template.key.hex}", headers={"apiKey": program.key})
    assert (gone.status_code, gone.content, program.get(f"{TEMPLATES}/{template.key.hex}").status_code) == (
        204,
        b"",
        404,
    )
    assert Message.objects.get().template_name == "Paid"


def test_templates_take_their_permissions(as_role: Callable[[str], Program]) -> None:
    template, clerk = make_template(MessageType.WEB_HOOK), as_role("Officer")
    assert refusal(clerk.post(TEMPLATES, _template()))[0] == 403
    assert refusal(clerk.get(f"{TEMPLATES}/{template.key.hex}"))[0] == 403
    assert refusal(_patch(clerk, template.key.hex, []))[0] == 403
    # No webhook.
    assert refusal(as_role("Administrator").get(f"{TEMPLATES}/{make_template().key.hex}"))[0] == 404


@pytest.mark.parametrize("kind", ["client", "group"])
def test_subscriptions_are_read_chosen_and_honoured(program: Program, kind: str) -> None:
    template = make_template(MessageType.WEB_HOOK, name="Paid", target="LOANS", subscription="OPT_IN")
    ana = make_client()
    owner, number = (ana, ana.client_id) if kind == "client" else (make_group(), "")
    number = number or owner.group_id  # type: ignore[union-attr]
    address = f"/api/{kind}s/{owner.key.hex}/subscriptions"

    def tell() -> int:
        return len(events.raise_one(Happening("LOAN_REPAYMENT", **{kind: owner})).messages)

    entry = {"templateKey": template.key.hex, "name": "Paid", "type": "WEB_HOOK", "event": "LOAN_REPAYMENT"}
    assert program.get(f"/api/{kind}s/{number}/subscriptions").json() == [
        entry | {"subscribed": False, "chosen": False}
    ]
    assert tell() == 0
    for _ in range(2):
        told = program.post(address, {"templateKey": template.key.hex})
        assert (told.status_code, told.json()) == (200, entry | {"subscribed": True, "chosen": True})
    assert tell() == 1
    assert (
        program.client.delete(f"{address}/{template.key.hex}", headers={"apiKey": program.key}).status_code
        == 204
    )
    assert tell() == 0
    assert (Subscription.objects.count(), AuditEntry.objects.filter(target_kind=kind).count()) == (1, 2)


def test_subscriptions_to_what_cannot_concern_the_owner_are_refused(program: Program) -> None:
    address = f"/api/clients/{make_client().key.hex}/subscriptions"
    other = make_template(event="GROUP_CREATED", target="GROUP")
    assert refusal(program.post(address, {"templateKey": other.key.hex}))[:2] == (404, 29)
    assert refusal(program.post(address, {"templateKey": "zz"}))[:2] == (404, 29)
    assert refusal(program.post(address, {}))[:2] == (400, 31)
    assert refusal(program.post(address, [1]))[:2] == (400, 4)
    assert refusal(program.get("/api/clients/nobody/subscriptions"))[:2] == (404, 29)
