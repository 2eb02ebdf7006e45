"""OpenAPI 3.1 description, built from the operations' docstrings and the schemas of `json_schemas`."""

from functools import cache
from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.router import Router

from commlog.api.errors import install
from commlog.api.idempotency import LONGEST, PATTERN
from commlog.api.plain import Schema

_COMPONENTS: dict[str, Schema] = {}
# What every operation may answer besides its own answers.
_REFUSALS = {
    400: "The request is not valid; errorSource says where",
    401: "No key, or a wrong one",
    403: "The key lacks a permission",
    404: "Object not found",
    406: "Only API v1 is accepted as an answer, which is not spoken here",
    409: "An Idempotency-Key is in use, or it or an eventKey was used for something else",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many calls; the header Retry-After says how long to wait",
    500: "Internal error",
    503: "The database is not available; the header Retry-After says when to repeat the call",
}


class CommlogAPI(NinjaAPI):
    """The operations under one prefix. `names`: prefix of their URL names."""

    def __init__(self, names: str, **kwargs: Any) -> None:
        super().__init__(docs_url=None, openapi_url=None, urls_namespace=names, **kwargs)
        self.names = names
        install(self)

    def get_operation_url_name(self, operation: Operation, router: Router) -> str:
        """Return the URL name: `api-search` for the operation `search`."""
        return f"{self.names}-{operation.operation_id}"

    def described(self, prefix: str) -> Schema:
        """Return the description including the plain schemas; `plain.strict` and `plain.plain` select one
        form.
        """
        found: Schema = dict(self.get_openapi_schema(path_prefix=prefix))
        found["components"] = found["components"] | {"schemas": dict(sorted(_COMPONENTS.items()))}
        for methods in found["paths"].values():
            for operation in methods.values():
                told = {str(code): each for code, each in operation["responses"].items()}
                operation["responses"] = {
                    code: each for code, each in told.items() if each != {"description": "OK"}
                }
                for code, meaning in _REFUSALS.items():
                    operation["responses"].setdefault(str(code), answers(meaning, ref("Errors")))
        return found


def component(name: str, schema: Schema) -> Schema:
    """Register a schema under a name and return a reference to it."""
    if _COMPONENTS.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")
    return ref(name)


@cache
def fields_of(name: str) -> frozenset[str]:
    """Return the names of all fields that an object of that schema may have, in any alternative."""
    schema = _COMPONENTS[name]
    return frozenset(field for each in schema.get("anyOf", [schema]) for field in each.get("properties", ()))


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(meaning: str, schema: Schema | None = None, *, headers: dict[str, str] | None = None) -> Schema:
    """Return the description of a response: its meaning, body, and headers with their meanings."""
    found: Schema = {"description": meaning}
    if schema is not None:
        found["content"] = {"application/json": {"schema": schema}}
    if headers:
        found["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in headers.items()
        }
    return found


def describes(
    *, body: Schema | None = None, query: list[Schema] | None = None, once: bool = False, **by_status: Schema
) -> Schema:
    """Return an operation's `openapi_extra`. `once`: accepts an Idempotency-Key. `_202=answers(…)`: a
    status.
    """
    found: Schema = {"responses": {int(status.lstrip("_")): answer for status, answer in by_status.items()}}
    # It came first when it was alone: generated clients take them by their places.
    parameters = [*([_IDEMPOTENCY_KEY] if once else []), *(query or [])]
    if parameters:
        found["parameters"] = parameters
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


PLACE = {"Location": "Where it can be read"}
_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the call safe to repeat for six hours: the same key and body get the same answer, "
    "with `Idempotency-Replayed: true`, and nothing happens twice.",
    "schema": {"type": "string", "maxLength": LONGEST, "pattern": f"^{PATTERN}$"},
}

component(
    "ErrorEntry",
    {
        "type": "object",
        "required": ["errorCode", "errorReason"],
        "properties": {
            "errorCode": {"type": "integer"},
            "errorReason": {"type": "string"},
            "errorSource": {"type": "string", "description": "The field, and what is wrong with it"},
        },
    },
)
component(
    "Errors",
    {
        "type": "object",
        "required": ["errors", "requestId"],
        "properties": {
            "errors": {"type": "array", "minItems": 1, "items": ref("ErrorEntry")},
            "requestId": {
                "type": "string",
                "description": "As in the header `X-Request-Id` and in the log of the server",
            },
        },
    },
)
