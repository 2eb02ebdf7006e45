"""A program that calls the API."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.factories import make_key


@dataclass
class Program:
    """Calls the API with a key, over Django's test client; whatever fails inside is answered, as a program
    would see it.
    """

    key: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.client.get(path, headers={"apiKey": self.key} | headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST: bytes and text as they are, everything else as JSON."""
        return self.call("post", path, body, **headers)

    def call(
        self, method: str, path: str, body: Any, *, content_type: str = "application/json", **headers: str
    ) -> Any:
        """Any method: bytes and text as they are, everything else as JSON."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method.upper(), path, content, content_type=content_type, headers={"apiKey": self.key} | named
        )


def refusal(response: HttpResponse) -> tuple[int, int, str, str]:
    """Status, number, name and source of an answer that is one error, in the one shape."""
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    (error,) = body["errors"]
    assert set(error) <= {"errorCode", "errorReason", "errorSource"}
    return response.status_code, error["errorCode"], error["errorReason"], error.get("errorSource", "")


@pytest.fixture
def program(db: None) -> Program:
    """A program that may do everything."""
    return Program(make_key())


@pytest.fixture
def as_role(db: None) -> Callable[[str], Program]:
    """Programs with one role each."""
    return lambda role: Program(make_key(role=role))
