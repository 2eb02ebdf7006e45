"""The description of the API: it is OpenAPI 3.1, and schemathesis attacks the API with what it allows and
with what it forbids.

Here by itself, in test_over_the_wire.py over the web server.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode

from commlog.api import plain
from commlog.api.urls import api
from tests.commlog.api import sensible
from tests.factories import make_key

# Make api-fuzz; else a sample that fits into a run of the suite.
AT_LENGTH = int(os.environ.get("API_FUZZ_EXAMPLES", "0"))
LIMITS = (
    "API_CALLS_A_MINUTE",
    "API_CALLS_A_MINUTE_IN_ALL",
    "API_MESSAGES_A_MINUTE",
    "API_MESSAGES_A_MINUTE_IN_ALL",
)
described = plain.strict(api.described("/api/"))


def to_attack(description: dict[str, Any]) -> Any:
    """The description with what an attack goes by."""
    schema = schemathesis.openapi.from_dict(description)
    schema.config.phases.coverage.enabled = bool(AT_LENGTH)
    rejected = schema.config.checks.negative_data_rejection
    # Which says of each element of a list why it is refused.
    rejected.expected_statuses = [*rejected.expected_statuses, "207"]
    return schema


schema = to_attack(described)
schema.app = get_wsgi_application()
every_case = settings(
    max_examples=AT_LENGTH or 10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not AT_LENGTH,
    database=None,
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
    attack(case, headers={"apiKey": key, "Accept-Encoding": "identity"})


def attack(case: Case, **call: Any) -> None:
    """Call the API with the case, put right where it is to be taken, and look at the answer."""
    if "" in (case.query or {}).values():
        return  # schemathesis does not read allowEmptyValue
    if case.query:  # 19.0 is a whole number to JSON Schema, and to no client
        case.query = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in case.query.items()
        }
    case.path_parameters = sensible.addressed(case.path, case.path_parameters)
    if case.meta and case.meta.generation.mode == GenerationMode.POSITIVE:
        case.headers = sensible.fresh(case.headers)
        case.body = sensible.put_right(case.operation.definition.raw["operationId"], case.body)
    case.call_and_validate(**call)
