"""Bodies in chunks, over the web server of production and of the demo: read whole, bounded, never out of step
with the next call.
"""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from notifications.models import Message
from tests.factories import make_key
from tests.web_server import commlog

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chunks")]
PATH = "/api/communications/messages"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}


# Of the session, since tests of both come by turns.
@pytest.fixture(scope="session", params=[[], ["--threads", "4"]], ids=["production", "demo"])
def port(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[int]:
    """The port of a Commlog on the database of these tests."""
    with commlog(*request.param, API_LARGEST_BODY="10000") as port:
        yield port


def _pieces(text: str) -> list[bytes]:
    content = text.encode()
    return [content[start : start + 7] for start in range(0, len(content), 7)]


def _answer(line: HTTPConnection, path: str, body: Any, key: str) -> HTTPResponse:
    line.request(
        "POST",
        path,
        iter(_pieces(json.dumps(body))),
        {"apiKey": key, "Content-Type": "application/json"},
        encode_chunked=True,
    )
    return line.getresponse()


def test_calls_one_after_the_other(port: int) -> None:
    key = make_key()
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    sent = _answer(line, PATH, EMAIL, key)
    made = json.loads(sent.read())
    assert (sent.status, made["destination"]) == (201, "ana@example.org")
    refused = _answer(line, PATH, EMAIL, "of nobody")  # its body is not even looked at
    assert (refused.status, json.loads(refused.read())["errors"][0]["errorCode"]) == (401, 2)
    found = _answer(
        line, f"{PATH}:search", [{"field": "state", "operator": "EQUALS", "value": "QUEUED"}], key
    )
    assert [each["encodedKey"] for each in json.loads(found.read())] == [made["encodedKey"]]
    large = _answer(line, PATH, EMAIL | {"body": "x" * 20_000}, key)
    assert (large.status, json.loads(large.read())["errors"][0]["errorCode"]) == (413, 100_004)
    again = _answer(line, f"{PATH}:search", [], key)
    assert [each["encodedKey"] for each in json.loads(again.read())] == [made["encodedKey"]]
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "chunks", [b"5\r\n[    \r\nzz\r\n]\r\n0\r\n\r\n", b"5\r\n[    ]\r\n0\r\n\r\n", b"-1\r\n[]\r\n0\r\n\r\n"]
)
def test_broken_chunks_are_refused_and_nothing_behind_them_is_read(port: int, chunks: bytes) -> None:
    head = (
        f"POST {PATH}:search HTTP/1.1\r\nHost: 127.0.0.1\r\napiKey: {make_key()}\r\nContent-Type: "
        "application/json\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(
            head.encode()
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + chunks
            + b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        )
        with line.makefile("rb") as answers:
            told = answers.read()
    assert told.startswith(b"HTTP/1.1 400 ")
    assert told.count(b"HTTP/1.1 ") == 1
