"""What a JSON Schema cannot say, put right in bodies that it allows; and half of the keys lead to something
that is there.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import uuid4

from commlog.models import Erasure, User
from notifications import criteria, events, templating
from notifications.events import Happening
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Group, Message, NotificationTemplate
from notifications.states import MessageState, MessageType
from notifications.text.keys import key_in
from tests.factories import make_client, make_group, make_message, make_template, make_user

# A step can change them in some templates only.
_TOGETHER = {"event", "target", "contentType", "body", "authorization", "username"}
_ROWS: dict[str, Callable[[], Any]] = {
    "encodedKey": lambda: Message.objects.filter(state=MessageState.FAILED),
    "eventKey": lambda: BusinessEvent.objects.all(),
    "templateId": lambda: NotificationTemplate.objects.filter(type=MessageType.WEB_HOOK),
    "clientKey": lambda: Client.objects.all(),
    "groupKey": lambda: Group.objects.all(),
    "owner": lambda: Client.objects.all(),
    "erasureKey": lambda: Erasure.objects.all(),
}


def make_rows() -> None:
    """Messages of every state, and what else keys can lead to."""
    for state in MessageState:
        make_message(state)
    make_template(MessageType.WEB_HOOK)
    make_template(MessageType.EMAIL)
    make_group()
    make_user()
    Erasure.objects.create(
        kind="NUMBER", state="AWAITING_APPROVAL", asked_by_name="o", pseudonym="Erased person 2"
    )
    events.raise_one(Happening("LOAN_REPAYMENT", client=make_client(mobile_phone="+4915112345678")))


def key_of(name: str, path: str = "") -> str:
    """The key of the first row that such a field, or such a parameter of the path, can name."""
    name = "groupKey" if name == "owner" and "/groups/" in path else name
    return str(_ROWS[name]().order_by("pk").first().key.hex)


def addressed(path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of that path."""
    return {name: _led(name, value, path) for name, value in parameters.items()}


def fresh(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with an Idempotency-Key of their own: one that another request had would be a conflict
    before anything is looked at.
    """
    return {
        name: f"{value[:200]}{uuid4()}" if name.lower() == "idempotency-key" else value
        for name, value in headers.items()
    }


def put_right(operation: str, body: Any) -> Any:
    """The body of that operation as somebody would send it who knows more than its schema."""
    return _RULES[operation](body) if operation in _RULES else body


def _led(name: str, value: Any, path: str = "") -> Any:
    there = (
        name in _ROWS and isinstance(value, str) and value[:1] <= "7" and (name == "owner" or key_in(value))
    )
    return key_of(name, path) if there else value


def _search(body: Any) -> Any:
    """A span begins before it ends."""
    for one in _criteria(body):
        _in_order(one, "value", "secondValue")
    return body


def _criteria(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, list):
        yield from body
    else:
        yield from body.get("filterCriteria") or body.get("filterConstraints") or []


def _in_order(given: dict[str, Any], first: str, last: str) -> None:
    one, other = given.get(first), given.get(last)
    if one is None or other is None:
        return
    try:
        criteria.parse("created", "BETWEEN", [str(one), str(other)])
        return
    except Malformed as error:
        wrong = error.fault is Fault.REVERSED
    with suppress(ArithmeticError):
        wrong = Decimal(str(one)) > Decimal(str(other))
    if wrong:
        given[first], given[last] = other, one


def _by_date(body: dict[str, Any]) -> Any:
    _in_order(body, "startDate", "endDate")
    return body


def _resend(body: Any) -> Any:
    """No message twice, whether it is named by its key or given whole."""
    if isinstance(body, dict):
        return body | {"messages": _resend(body["messages"])}
    keys = {(one["encodedKey"] if isinstance(one, dict) else one).lower(): one for one in body}
    return [_led("encodedKey", one) if number == 0 else one for number, one in enumerate(keys.values())]


def _send(body: Any) -> Any:
    """An address or a number that can be; and nobody writes in another's name."""
    if isinstance(body, list):
        return [_send(one) for one in body]
    found = {name: _led(name, value) for name, value in body.items() if name != "senderKey"}
    if isinstance(body.get("destination"), str):
        local = body["destination"].strip(" ").partition("@")[0][:64].rstrip(".")
        found["destination"] = (
            f"{local}@example.org" if body["type"] == MessageType.EMAIL else "+49 1511 2345678"
        )
    return found


def _events(body: Any) -> Any:
    """Whom it is about is there, its key is its own, and nothing of its data is said twice in two
    spellings.
    """
    if isinstance(body, list):
        return [_events(one) for one in body]
    client, group, user = Client.objects.first(), Group.objects.first(), User.objects.first()
    there = {"clientId": client.client_id, "groupId": group.group_id, "username": user.username}
    there |= {
        "clientKey": client.key.hex,
        "groupKey": group.key.hex,
        "userKey": user.key.hex,
        "eventKey": uuid4().hex,
    }
    found = {name: there.get(name, value) if value else None for name, value in body.items()}
    try:
        templating.told(body.get("data") or {})
    except Malformed as error:
        found["data"] = {} if error.fault is Fault.DATA_TWICE else body["data"]
    return found


def _template(body: dict[str, Any]) -> Any:
    """A name of its own, a body that is JSON where it says so, a host that can be called, no header twice,
    spans in order.
    """
    if body.get("contentType") == "APPLICATION_JSON":
        body["body"] = json.dumps({"said": body["body"]})
    if "name" in body:
        body["name"] = f"{body['name'][:200]} {uuid4()}"
    if "url" in body:
        body["url"] = re.sub(r"^[^/]*//[^/?#]*", "https://hooks.example.org", body["url"])
    if body.get("headers"):
        body["headers"] = list({one["headerKey"]: one for one in body["headers"]}.values())
    return _search(body)


def _steps(body: list[dict[str, Any]]) -> Any:
    """Changes that any template takes, each of another field."""
    kept = list(
        {one["path"].lstrip("/"): one for one in body if one["path"].lstrip("/") not in _TOGETHER}.values()
    )
    for one in kept:
        if one["op"].upper() != "REMOVE":
            (one["value"],) = _template({one["path"].lstrip("/"): one["value"]}).values()
    return kept or [{"op": "REPLACE", "path": "activated", "value": True}]


_RULES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("search", "search_1"), _search),
    **dict.fromkeys(("resend", "enqueueByKeys"), _resend),
    "enqueueByDate": _by_date,
    "send": _send,
    "sendEvent": _events,
    "createTemplate": _template,
    "patchTemplate": _steps,
}
