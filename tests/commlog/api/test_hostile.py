"""What nobody should send, through every operation that the description has: a refusal in the one shape,
never a 500.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from commlog.api.urls import api
from tests.commlog.api import sensible
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_permissions import TABLE

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("hostile")]
DESCRIBED = {
    operation["operationId"]: (method, path, operation)
    for path, methods in api.described("/api/")["paths"].items()
    for method, operation in methods.items()
}
SCHEMAS = api.described("/api/")["components"]["schemas"]
WITH_BODY = [name for name, (_, _, operation) in DESCRIBED.items() if "requestBody" in operation]
NO_JSON = [
    b"", b"  ", b"{", b"[1,]", b"nul", b"'x'", b"\xff\xfe[]", b"\x80", b"NaN", b"[Infinity]", b"[-Infinity]",
    b'{"a": NaN}', b"[1e999]", b"9" * 5_000, b"[" + b"9" * 5_000 + b"]", b"[" * 200_000, b'{"a":' * 200_000,
    b'{"field": 1, "field": 2}', b'"\\ud8"', b'"a\nb"',
]  # fmt: skip
DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
VALUES: list[Any] = [
    "a\0b", "\ud800", "\udc00x", 10**4_000, -(10**4_000), 1e308, -1, True, False, "", " ", [], {}, [[]], [{}],
    DEEP, {"a": DEEP}, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30", "𝟘" * 32,
    "%00", "\u202e",
]  # fmt: skip
LONG = json.dumps("x" * 300_000)
MANY = [json.dumps(["0" * 32] * 160_000), json.dumps([{}] * 300_000)]
HERE = "where the huge value comes"
# In an address, percent-encoded; what is no UTF-8 too.
ODD = [
    "%00", "%00" * 32, "%FF", "%ED%A0%80", "-1", "NaN", "1e308", "9" * 5_000, "0" * 31 + "g", "-" * 32,
    "..%2f..%2f", "%25", "+", "%20", quote("𝟘" * 32), quote("\u202e"), quote("💩"),
    "9999-12-31T23:59:59-14:00", "WyItY3JlYXRlZCIsIlx1MDAwMCIsMV0", "A" * 5_000,
]  # fmt: skip
# As a server hands headers on: each byte a character.
HEADERS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\xff",
    "\xed\xa0\x80",
    "💩".encode().decode("latin-1"),
    "9" * 5_000,
    "x" * 9_000,
    "NaN",
    ",",
    ";",
    "*/*;q=x",
]
OF_ALL = (
    "apiKey",
    "Accept",
    "Content-Encoding",
    "Transfer-Encoding",
    "Origin",
    "Cookie",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
)
BASIC = [b64encode(pair).decode() for pair in (b"a\0:b", b"\xff:\xff", b"x" * 9_000 + b":y", b"no colon")]
SCHEMES = [
    "Basic",
    "Basic ",
    "Basic \xe9",
    "Basic %00",
    "Bearer",
    "Bearer ",
    "Bearer \0",
    "Bearer " + "x" * 9_000,
    "Digest a",
]
SCHEMES += [f"Basic {pair}" for pair in BASIC]


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = settings.API_CALLS_A_MINUTE_IN_ALL = 0
    settings.API_MESSAGES_A_MINUTE = settings.API_MESSAGES_A_MINUTE_IN_ALL = 0
    settings.SIGN_IN_MOST_WRONG = settings.SIGN_IN_MOST_WRONG_OF_ADDRESS = 10_000
    settings.EMAIL_HOST = "127.0.0.1"


@pytest.fixture(scope="module", autouse=True)
def _rows(shared: None) -> None:
    sensible.make_rows()


def _path(operation: str) -> str:
    """The operation's address, its keys leading to rows that are there."""
    return _led(DESCRIBED[operation][1], DESCRIBED[operation][1])


def _led(part: str, path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: sensible.key_of(found.group(1), path), part)


def _body(operation: str) -> Any:
    return BODIES.get(operation, TABLE[operation][2])


def _check(response: Any, about: object) -> None:
    assert response.status_code < 500, about
    if response.status_code >= 400:
        body = json.loads(response.content)
        assert [sorted(error) for error in body["errors"]] == [["errorCode", "errorReason", "errorSource"]], (
            about
        )


@pytest.mark.parametrize("operation", WITH_BODY)
def test_what_is_no_json(program: Program, operation: str) -> None:
    method, path = DESCRIBED[operation][0], _path(operation)
    for content in NO_JSON:
        status, code, _, source = refusal(program.call(method, path, content))
        # The amounts of events are read to the digit, so a number that is too large is refused at its field.
        as_a_value = operation == "sendEvent" and b"1e999" in content
        assert (status, code) == (400, 4 if as_a_value else 26 if content.strip() else 30), content[:40]
        assert source


@pytest.mark.parametrize("operation", WITH_BODY)
def test_json_that_makes_no_sense_anywhere_in_a_body(program: Program, operation: str) -> None:
    method, path, whole = DESCRIBED[operation][0], _path(operation), _body(operation)
    fields = _fields(DESCRIBED[operation][2]["requestBody"]["content"]["application/json"]["schema"]) - set(
        _first(whole)
    )
    _check(program.call(method, path, whole), operation)
    for number, value in enumerate(VALUES):
        # A field that is left out at first is tried with every fifth value, each with others.
        optional = [name for place, name in enumerate(sorted(fields)) if (place + number) % 5 == 0]
        for changed in (*_changed(whole, value), *(_with(whole, name, value) for name in optional)):
            _check(program.call(method, path, json.dumps(changed)), (operation, str(changed)[:200]))
    places = [HERE, [HERE], *(_with(whole, name, HERE) for name in _first(whole))]
    # Reading megabytes of values takes its time: they come in place of the whole body alone.
    for value, changed in [*product([LONG], places), *product(MANY, [HERE])]:
        _check(
            program.call(method, path, json.dumps(changed).replace(json.dumps(HERE), value)),
            (operation, changed, value[:40]),
        )


_CRITERION = {
    "field": "creationDate",
    "operator": "BETWEEN",
    "value": "2026-11-24",
    "secondValue": "2026-11-25",
    "values": None,
}
# Bodies with more to change than those of the permissions matrix.
BODIES: dict[str, Any] = {
    "send": [
        {
            "type": "EMAIL",
            "destination": "ana@example.org",
            "subject": "Hello",
            "body": "Dear Ana",
            "clientKey": "0" * 32,
        }
    ],
    "search": {"filterCriteria": [_CRITERION], "sortingCriteria": None},
    "resend": {"messages": ["0" * 32], "again": None},
    "enqueueByKeys": [{"encodedKey": "0" * 32}],
    "sendEvent": [{"event": "LOAN_REPAYMENT", "data": {"amount": {"due": 12.5}}}],
    "createTemplate": {
        "name": "Repaid",
        "type": "WEB_HOOK",
        "target": "LOANS",
        "event": "LOAN_REPAYMENT",
        "body": "{AMOUNT}",
        "url": "https://hooks.example.org/{CLIENT_ID}",
        "requestType": "POST",
        "contentType": "PLAIN_TEXT",
        "headers": [{"headerKey": "X-Source", "headerValue": "core"}],
        "filterConstraints": [
            {"filterSelection": "AMOUNT", "filterElement": "BETWEEN", "value": 1.5, "secondValue": "2"}
        ],
    },
    "subscribeClient": {"templateKey": "0" * 32},
    "subscribeGroup": {"templateKey": "0" * 32},
}


def _changed(whole: Any, value: Any) -> Iterator[Any]:
    """The body with the value in the place of the whole, of each of its parts, and as one part more."""
    yield value
    if isinstance(whole, dict):
        yield whole | {"unknown": value}
        for name, part in whole.items():
            yield from (whole | {name: changed} for changed in _changed(part, value))
    if isinstance(whole, list):
        yield [*whole, value]
        for number, part in enumerate(whole):
            yield from ([*whole[:number], changed, *whole[number + 1 :]] for changed in _changed(part, value))


def _fields(schema: dict[str, Any]) -> set[str]:
    """Every field that the body, or each thing of a list, can have by the description."""
    schema = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    found = set(schema.get("properties", {}))
    for part in (*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])):
        found |= _fields(part)
    return found


def _with(whole: Any, name: str, value: Any) -> Any:
    """The body with that field, or its first thing with it."""
    changed = _first(whole) | {name: value}
    return [changed] if isinstance(whole, list) else changed


def _first(whole: Any) -> dict[str, Any]:
    first = next(iter(whole), None) if isinstance(whole, list) else whole
    return first if isinstance(first, dict) else {}


@pytest.mark.parametrize("operation", WITH_BODY)
def test_bodies_that_are_too_large_or_no_json_by_their_type(
    program: Program, operation: str, settings: Any
) -> None:
    method, path = DESCRIBED[operation][0], _path(operation)
    settings.API_LARGEST_BODY, settings.API_LARGEST_ANSWER = 1_000, 2_000
    assert refusal(program.call(method, path, b"[" + b" " * 2_000))[:2] == (413, 100_004)
    assert (refusal(program.call(method, path, b"[" + b" " * 1_500))[0] == 413) == ("esend" not in path)
    for type in (
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
    ):
        assert refusal(program.call(method, path, b"{}", content_type=type))[:2] == (415, 100_005), type
    assert refusal(program.call(method, path, b"{}", Content_Encoding="gzip"))[:2] == (415, 100_005)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'""', rb'"\"],"'])
def test_a_body_of_too_many_values_is_refused_before_they_are_made(program: Program, value: bytes) -> None:
    path = "/api/communications/messages:search"
    assert refusal(program.post(path, b"[" + b",".join([value] * 200_001) + b"]"))[:2] == (413, 100_004)
    assert refusal(program.post(path, b"[" + b",".join([value] * 60_000) + b"]"))[0] == 400


def test_a_text_may_look_like_many_values(program: Program) -> None:
    body = {"type": "EMAIL", "destination": "ana@example.org", "subject": "s", "body": '[{"a, b\\' * 100_000}
    assert program.post("/api/communications/messages", body).status_code == 201


@pytest.mark.parametrize("operation", DESCRIBED)
def test_odd_values_in_every_place_of_an_address(program: Program, operation: str) -> None:
    method, template, described = DESCRIBED[operation]
    path, body = _path(operation), _body(operation)
    names = [each["name"] for each in described.get("parameters", []) if each["in"] == "query"]
    addresses = [f"{path}?{name}={odd}" for name in names for odd in ODD]
    addresses += [f"{path}?{name}={_one_of(ODD, operation, name)}" for name in ("unknown", "%00", "%FF")]
    addresses += [f"{path}?{name}=1&{name}=1" for name in names] + [f"{path}?%00", f"{path}?&&=&"]
    for name in re.findall(r"\{(\w+)\}", template):
        before, after = (_led(part, template) for part in template.split(f"{{{name}}}"))
        addresses += [f"{before}{odd}{after}" for odd in ODD]
    for address in addresses:
        _check(program.call(method, address, body), (operation, address[:200]))


@pytest.mark.parametrize("operation", DESCRIBED)
def test_odd_values_in_headers(program: Program, operation: str) -> None:
    method, path, described = DESCRIBED[operation]
    path, body = _path(operation), _body(operation)
    declared = [each["name"] for each in described.get("parameters", []) if each["in"] == "header"]
    for name, odd in product(declared, HEADERS):
        _check(program.call(method, path, body, **{name: odd}), (operation, name, odd[:40]))
    for name in OF_ALL:
        odd = _one_of(HEADERS, operation, name)
        _check(program.call(method, path, body, **{name: odd}), (operation, name, odd[:40]))
    for number in range(3):
        odd = _one_of(SCHEMES, operation, "x" * 4 * number)
        _check(
            program.client.generic(method.upper(), path, json.dumps(body), headers={"Authorization": odd}),
            (operation, odd[:40]),
        )
    odd = _one_of(HEADERS, operation, "Content-Type")
    _check(program.call(method, path, body, content_type=odd), (operation, "Content-Type", odd[:40]))


def _one_of(values: list[str], operation: str, name: str) -> str:
    """What no operation reads by itself is tried with every value, but not with every value at every
    operation.
    """
    return values[(list(DESCRIBED).index(operation) + len(name)) % len(values)]
