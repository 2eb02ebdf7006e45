"""What nobody should send, through every operation: a refusal in the one shape, never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_permissions import TABLE

pytestmark = pytest.mark.django_db
POSTS = {name: (path, body) for name, (method, path, body, _) in TABLE.items() if method == "post"}
BODY_FIRST = [name for name in POSTS if not name.startswith("subscribe")]  # those look for the client or group first
NO_JSON = [
    b"", b"  ", b"{", b"[1,]", b"nul", b"'x'", b"\xff\xfe[]", b"\x80", b"NaN", b"[Infinity]", b"[-Infinity]", b'{"a": NaN}',
    b"9" * 5_000, b"[" + b"9" * 5_000 + b"]", b"[" * 200_000, b'{"a":' * 200_000, b'{"field": 1, "field": 2}', b'"\\ud8"', b'"a\nb"',
]  # fmt: skip
DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
VALUES: list[Any] = [
    "a\0b", "\ud800", "\udc00x", 10**4_000, -(10**4_000), 1e308, -1, True, False, "", " ", [], {}, [[]], [{}], DEEP, {"a": DEEP},
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30", "𝟘" * 32, "%00", "\u202e",
]  # fmt: skip
HUGE: list[Any] = ["x" * 300_000, ["0" * 32] * 300_000, [{}] * 300_000]


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = settings.API_CALLS_A_MINUTE_IN_ALL = 0
    settings.EMAIL_HOST = "127.0.0.1"


def _check(response: Any, about: object) -> None:
    assert response.status_code < 500, about
    if response.status_code >= 400:
        body = json.loads(response.content)
        assert [sorted(error) for error in body["errors"]] == [["errorCode", "errorReason", "errorSource"]], about


@pytest.mark.parametrize("operation", BODY_FIRST)
def test_what_is_no_json(program: Program, operation: str) -> None:
    path, _ = POSTS[operation]
    for content in NO_JSON:
        status, code, _, source = refusal(program.post(path, content))
        assert (status, code) == (400, 26 if content.strip() else 30), content[:40]
        assert source


@pytest.mark.parametrize("operation", POSTS)
def test_json_that_makes_no_sense_anywhere_in_a_body(program: Program, operation: str) -> None:
    path, body = POSTS[operation]
    for whole in _BODIES.get(operation, [body]):
        for value in VALUES:
            for changed in _changed(whole, value):
                _check(program.post(path, json.dumps(changed)), (operation, str(changed)[:200]))
    for value in HUGE:
        for changed in (value, [value], *({name: value} for name in (body if isinstance(body, dict) else ("filterCriteria", "messages")))):
            _check(program.post(path, json.dumps(changed)), (operation, str(changed)[:200]))


_CRITERION = {"field": "creationDate", "operator": "BETWEEN", "value": "2026-11-24", "secondValue": "2026-11-25", "values": None}
_CONSTRAINT = {"filterSelection": "STATE", "filterElement": "EQUALS", "value": "FAILED", "dataFieldType": "NATIVE"}
_BODIES: dict[str, list[Any]] = {
    "search": [{"filterCriteria": [_CRITERION], "sortingCriteria": None}],
    "resend": [{"messages": ["0" * 32], "again": None}],
    "enqueueByKeys": [[{"encodedKey": "0" * 32}]],
    "legacySearch": [{"filterConstraints": [_CONSTRAINT], "sortDetails": {"sortingColumn": "TYPE", "sortingOrder": "ASCENDING"}}],
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


@pytest.mark.parametrize("operation", BODY_FIRST)
def test_bodies_that_are_too_large_or_no_json_by_their_type(program: Program, operation: str, settings: Any) -> None:
    path, _ = POSTS[operation]
    settings.API_LARGEST_BODY, settings.API_LARGEST_ANSWER = 1_000, 2_000
    assert refusal(program.post(path, b"[" + b" " * 2_000))[:2] == (413, 100_004)
    assert (refusal(program.post(path, b"[" + b" " * 1_500))[0] == 413) == ("esend" not in path)
    for type in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=x"):
        response = program.client.post(path, b"{}", content_type=type, headers={"apiKey": program.key})
        assert refusal(response)[:2] == (415, 100_005), type
    response = program.client.post(
        path, b"{}", content_type="application/json", headers={"apiKey": program.key, "Content-Encoding": "gzip"}
    )
    assert refusal(response)[:2] == (415, 100_005)


@pytest.mark.parametrize("operation", [name for name in TABLE if name != "getByEncodedKey"])
def test_hostile_query_strings_and_headers(program: Program, operation: str) -> None:
    method, path, body, _ = TABLE[operation]
    for query in (
        "offset=%00",
        "limit=%FF",
        "cursor=%F0%9F%92%A9",
        "cursor=" + "A" * 5_000,
        "cursor=WyItY3JlYXRlZCIsIlx1MDAwMCIsMV0",
        "%00=1",
    ):
        response = program.call(method, f"{path}?{query}", body)
        _check(response, (operation, query))


@pytest.mark.parametrize("key", ["%00" * 32, "0" * 5_000, "..%2f..%2f", "%F0%9F%92%A9", "0" * 31 + "g", "-" * 32])
def test_hostile_keys_in_the_address(program: Program, key: str) -> None:
    assert program.get(f"/api/communications/messages/{key}").status_code in (400, 404)
