"""The plain description says what the strict one says, without what generators and people stumble over; its
examples are taken.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from commlog.api import plain
from commlog.api.examples import EXAMPLES, KEY
from commlog.api.urls import api
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program
from tests.factories import make_client, make_group, make_message, make_template

SOURCE = api.described("/api/")
STRICT, SHOWN = plain.strict(SOURCE), plain.plain(SOURCE)
NOT_PLAIN = {
    "const",
    "pattern",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "propertyNames",
    "patternProperties",
    plain.PLAIN,
}


def _schemas(of: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a description; what stands in examples is none."""
    if isinstance(of, list):
        for each in of:
            yield from _schemas(each)
    elif isinstance(of, dict):
        if "schema" in of:
            yield from _within(of["schema"])
        for schema in of.get("schemas", {}).values():
            yield from _within(schema)
        for name, each in of.items():
            if name not in ("schema", "schemas"):
                yield from _schemas(each)


def _within(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for each in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from _within(each)


def _bodies() -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """Method, path, operation and the name of the body's schema, of every operation that takes one."""
    for path, methods in SHOWN["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                (content,) = operation["requestBody"]["content"].values()
                yield method, path, operation, content["schema"]["$ref"].rpartition("/")[2]


def test_nothing_in_it_is_hard_to_read() -> None:
    schemas = list(_schemas(SHOWN))
    assert len(schemas) > 300
    for schema in schemas:
        assert not NOT_PLAIN & schema.keys(), schema
        assert schema.get("additionalProperties", True) is True, schema
        assert isinstance(schema.get("type", ""), str), schema
        assert "items" in schema or schema.get("type") != "array", schema
        assert None not in schema.get("enum", ()), schema


def test_every_reference_leads_to_a_schema_with_a_name_of_its_own() -> None:
    for description in (STRICT, SHOWN):
        named = description["components"]["schemas"]
        assert {each["$ref"] for each in _schemas(description) if "$ref" in each} <= {
            f"#/components/schemas/{name}" for name in named
        }
        objects = [each for each in _schemas(description["paths"]) if "properties" in each]
        assert objects == []
    assert all("$ref" not in each or set(each) <= {"$ref", "description"} for each in _schemas(SHOWN))


def test_alternatives_are_one_object() -> None:
    shown = SHOWN["components"]["schemas"]["NewMessage"]
    assert shown["required"] == ["type"]
    assert {"type", "subject", "body", "html", "destination", "clientKey", "templateKey"} <= shown[
        "properties"
    ].keys()
    assert shown["properties"]["type"] == {"type": "string", "enum": ["EMAIL", "SMS"]}
    criterion = SHOWN["components"]["schemas"]["FilterCriteria"]["properties"]
    assert (criterion["value"], criterion["values"]) == (
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
    )
    assert {"EQUALS", "BETWEEN", "LAST_DAYS", "IN"} <= set(criterion["operator"]["enum"])


def test_both_have_the_same_operations_and_schemas() -> None:
    assert STRICT["paths"].keys() == SHOWN["paths"].keys()
    assert STRICT["components"]["schemas"].keys() == SHOWN["components"]["schemas"].keys() >= EXAMPLES.keys()
    assert plain.PLAIN not in json.dumps(STRICT)
    assert '"examples"' not in json.dumps(STRICT)


@pytest.mark.parametrize("address", ["/api/openapi.json", "/api/openapi-strict.json"])
def test_its_server_is_the_one_that_was_asked(address: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["commlog.example.org", "other.example.org"]
    answer = Client().get(address, headers={"Host": "commlog.example.org"}, secure=True)
    assert answer.json()["servers"] == [{"url": "https://commlog.example.org"}]
    assert answer["ETag"] != Client().get(address, headers={"Host": "other.example.org"})["ETag"]


def test_every_body_has_an_example() -> None:
    assert {name for *_, name in _bodies()} <= EXAMPLES.keys()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "operation", "name"),
    [pytest.param(*each, id=each[2]["operationId"]) for each in _bodies()]
)  # fmt: skip
def test_every_example_is_taken(
    program: Program, settings: Any, method: str, path: str, operation: Mapping[str, Any], name: str
) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    key = UUID(KEY)
    failed = make_message(MessageState.FAILED, key=key)
    make_template(
        MessageType.WEB_HOOK,
        key=key,
        **({"event": "GROUP_ACTIVITY", "target": "GROUP"} if "/groups/" in path else {}),
    )
    make_client(key=key)
    make_group(key=key)
    address = path.replace("{owner}", KEY).replace("{templateId}", KEY)
    answer = program.call(method, address, EXAMPLES[name])
    assert str(answer.status_code) in operation["responses"], answer.content
    assert answer.status_code < 300, answer.content
    if name == "Resend":
        assert Message.objects.filter(resend_of=failed).count() == 1
