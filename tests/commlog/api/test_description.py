"""The description of the API: it is OpenAPI 3.1, and schemathesis attacks the API with what it allows and with what it forbids.

First by itself, then over the web server: bodies in chunks, answers in gzip, and one connection for all that comes.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given
from requests import PreparedRequest, Response, Session
from schemathesis import Case, GenerationMode

from commlog.api import plain
from commlog.api.urls import api
from tests.commlog.api import sensible
from tests.factories import make_key
from tests.web_server import commlog

AT_LENGTH = int(os.environ.get("API_FUZZ_EXAMPLES", "0"))  # make api-fuzz; else a sample that fits into a run of the suite
described = plain.strict(api.described("/api/"))
LIMITS = ("API_CALLS_A_MINUTE", "API_CALLS_A_MINUTE_IN_ALL", "API_MESSAGES_A_MINUTE", "API_MESSAGES_A_MINUTE_IN_ALL")
schema = schemathesis.openapi.from_dict(described)
# Wrong passwords would be hashed in earnest, and then lock; wrong keys do as well.
wire = schemathesis.openapi.from_dict(json.loads(json.dumps(described).replace('{"BasicAuth": []}, ', "")))
schema.app = get_wsgi_application()
schema.config.phases.coverage.enabled = wire.config.phases.coverage.enabled = bool(AT_LENGTH)
every_case = hypothesis.settings(
    max_examples=AT_LENGTH or 10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not AT_LENGTH, database=None
)


@pytest.fixture
def _one_connection(db: None) -> Iterator[None]:
    """The application does not close the connection of the test, as Django's own test client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key(_one_connection: None, settings: Any) -> str:
    """Of a program that may do everything, without limit; there is something of everything."""
    for name in LIMITS:
        setattr(settings, name, 0)
    # A check sends wrong passwords, and the lock would answer 429 where it expects 401.
    settings.SIGN_IN_MOST_WRONG = settings.SIGN_IN_MOST_WRONG_OF_ADDRESS = 10_000
    settings.EMAIL_HOST, settings.ALLOWED_HOSTS = "127.0.0.1", ["localhost"]
    sensible.make_rows()
    return make_key()


@schema.parametrize()
@every_case
def test_everything_that_the_description_allows_or_forbids(case: Case, key: str) -> None:
    # It cannot read gzip where it calls the application without a server.
    _attack(case, headers={"apiKey": key, "Accept-Encoding": "identity"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "options", [["--threads", "4"], []] if AT_LENGTH else [["--threads", "4"]], ids=lambda options: "kept" if options else "closed"
)
def test_the_same_over_the_web_server(options: list[str], subtests: pytest.Subtests, settings: Any) -> None:
    """With threads it keeps connections; as docs/operate.md starts it, it closes them."""
    settings.SECRETS_KEY = "of this test and its web server together"
    sensible.make_rows()
    key, limits = make_key(), {name: "0" for name in LIMITS}
    with commlog(*options, **limits, SECRETS_KEY=settings.SECRETS_KEY) as port, InChunks() as line:

        def over_the_wire(case: Case) -> None:
            headers = {"apiKey": key, "Accept-Encoding": "gzip"}
            _attack(case, base_url=f"http://127.0.0.1:{port}", session=line, headers=headers)

        for found in wire.get_all_operations():
            operation = found.ok()
            attack = hypothesis.settings(every_case, max_examples=AT_LENGTH or 3)(given(case=operation.as_strategy())(over_the_wire))
            with subtests.test(operation.label):
                attack()
    assert line.packed


class InChunks(Session):
    """Sends bodies in chunks of seven bytes, and counts the answers that came in gzip."""

    packed = 0

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Send it so, and give the request its body back, as the checks look at it."""
        body = request.body
        if body:
            content = body.encode() if isinstance(body, str) else body
            request.body = iter([content[start : start + 7] for start in range(0, len(content), 7)])
            del request.headers["Content-Length"]
            request.headers["Transfer-Encoding"] = "chunked"
        response = super().send(request, **options)
        request.body = body
        self.packed += response.headers.get("Content-Encoding") == "gzip"
        return response


def _attack(case: Case, **call: Any) -> None:
    if "" in (case.query or {}).values():
        return  # schemathesis does not read allowEmptyValue
    case.path_parameters = sensible.addressed(case.path, case.path_parameters)
    if case.meta and case.meta.generation.mode == GenerationMode.POSITIVE:
        case.headers = sensible.fresh(case.headers)
        case.body = sensible.put_right(case.operation.definition.raw["operationId"], case.body)
    case.call_and_validate(**call)
