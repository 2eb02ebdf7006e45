"""JSON Schemas of templates: events, recipients, placeholders and conditions."""

from commlog.api.description import Schema, component
from commlog.api.json_schemas import ANSWERED_KEY, MOMENT, TEXT, case_blind, closed, criteria_of, optional
from commlog.api.plain import PLAIN
from commlog.api.search_request import KINDS
from commlog.api.template_words import AUTHORIZATIONS, MATCHES, OPERATIONS, REQUIRED
from notifications.channels.webhook import CONTENT_TYPES, METHODS, WebhookChannel
from notifications.criteria import Field
from notifications.events import EVENTS
from notifications.models.template import SubscriptionOption, Target, Trigger
from notifications.templating import OWN_FIELD, PLACEHOLDER, PLACEHOLDERS, field_of
from notifications.text.validation import LINE

_KNOWN = rf"\{{({'|'.join(PLACEHOLDERS)}|{OWN_FIELD.pattern})\}}"
_NO_PLACEHOLDER = rf"\{{(?!{PLACEHOLDER.pattern[2:]})"  # braces around anything else are but braces


def _fillable(letters: str) -> str:
    """Return a pattern: any number of these letters (no opening brace) and of known placeholders."""
    return f"({letters}|{_KNOWN}|{_NO_PLACEHOLDER})*"


_IN_URLS = r"""[^\x00-\x20\x7f-\xa0\\"'\u2028\u2029{]"""
_HOST = r"""[^\x00-\x20\x7f-\xa0\\"'\u2028\u2029{}/?#@]+"""
_TEXT = _fillable(r"[^\x00{]")
_BODY: Schema = {"type": "string", "allOf": [{"pattern": f"^{_TEXT}$"}, {"pattern": r"[^\s\x1c-\x1f]"}]}
_URL: Schema = {
    "type": "string",
    "maxLength": 2048,
    "pattern": rf"^[hH][tT][tT][pP][sS]?://{_HOST}([/?#]{_fillable(_IN_URLS)})?$",
}
_NAME: Schema = {"type": "string", "maxLength": 255, "allOf": [{"pattern": LINE}, {"pattern": r"\S"}]}
_USERNAME: Schema = {"type": "string", "maxLength": 500, "pattern": r"^[^:\x00-\x1f\x7f-\x9f]*$"}
_PASSWORD: Schema = {"type": "string", "maxLength": 500, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}
_HEADER = component(
    "TemplateHeader",
    closed(
        {
            "id": optional(TEXT),
            "headerKey": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
            "headerValue": {"type": "string", "pattern": "^[ -~]{0,4096}$"},
        },
        "headerKey",
        "headerValue",
    ),
)
_OWN: Schema = {"type": "string", "pattern": f"^{OWN_FIELD.pattern}$"}


def _conditions() -> list[Schema]:
    """Return the schemas of the conditions that each placeholder allows."""
    named: dict[str, Field] = {name: field for name in PLACEHOLDERS if (field := field_of(name))}
    own = field_of("CF:x")
    words = criteria_of(
        {"CF:x": own} if own else {}, "filterSelection", "filterElement", dict.fromkeys(KINDS, optional(TEXT))
    )
    for each in words:
        each["properties"]["filterSelection"] = _OWN
    return (
        criteria_of(named, "filterSelection", "filterElement", dict.fromkeys(KINDS, optional(TEXT))) + words
    )


_FIELDS: dict[str, Schema] = {
    "name": _NAME,
    "type": {"const": WebhookChannel.type.value},
    "target": {"enum": [each.value for each in Target]},
    "event": {"enum": list(EVENTS)},
    "body": _BODY,
    "url": _URL,
    "requestType": {"enum": sorted(METHODS)},
    "contentType": {"enum": list(CONTENT_TYPES)},
    "activated": optional({"type": "boolean"}),
    "trigger": optional({"const": Trigger.AUTOMATIC.value}),
    "triggerDays": optional({"type": "integer", "minimum": 0, "maximum": 365}),
    "subscriptionOption": optional({"enum": [each.value for each in SubscriptionOption]}),
    "filtersLinkingOperator": optional({"enum": list(MATCHES)}),
    "filterConstraints": optional(
        {"type": "array", "maxItems": 20, "items": component("TemplateCondition", {"anyOf": _conditions()})}
    ),
    "authorization": optional({"enum": list(AUTHORIZATIONS)}),
    "username": optional(_USERNAME),
    "password": optional(_PASSWORD),
    "headers": optional({"type": "array", "maxItems": 50, "items": _HEADER}),
}


def _occasions() -> list[Schema]:
    """Return the schemas of all events with the references that their templates allow."""
    groups: dict[tuple[Target, ...], list[str]] = {}
    for name, targets in EVENTS.items():
        groups.setdefault(targets, []).append(name)
    return [
        {"properties": {"event": {"enum": names}, "target": {"enum": list(targets)}}}
        for targets, names in groups.items()
    ]


_SIGN_INS: list[Schema] = [
    {
        "properties": {
            "authorization": {"const": "BASIC_AUTHORIZATION"},
            "username": _USERNAME | {"minLength": 1},
        },
        "required": ["username"],
    },
    {"properties": {"authorization": optional({"const": "NO_AUTHORIZATION"})}},
]
NEW = component(
    "NewTemplate",
    closed(_FIELDS, *REQUIRED)
    | {
        "description": "The name must be unique. With APPLICATION_JSON the body must be JSON once it is "
        "filled in. Placeholders in the URL come after the host, and no header is given twice.",
        "allOf": [{"anyOf": _occasions()}, {"anyOf": _SIGN_INS}],
    },
)
TEMPLATE = component(
    "Template",
    closed(
        {name: schema for name, schema in _FIELDS.items() if name != "password"}
        | {
            "id": ANSWERED_KEY,
            "inUse": {"type": "boolean"},
            "creationDate": MOMENT,
            "lastModifiedDate": MOMENT,
            "signingSecret": {"type": "string"},
        },
        "id",
        *REQUIRED,
    ),
)


def _step(operations: tuple[str, ...], fields: list[str], value: Schema, *required: str) -> Schema:
    """Return the schema of a patch operation; RFC 6902 ignores unknown members."""
    paths = {
        "enum": [path for name in fields for path in (name, f"/{name}")],
        PLAIN: {"type": "string", "enum": fields},
    }
    return {
        "type": "object",
        "required": ["op", "path", *required],
        "properties": {"op": case_blind(operations), "path": paths, "value": value},
    }


_STEP = component(
    "TemplateStep",
    {
        "anyOf": [
            *(_step(OPERATIONS[:2], [name], schema, "value") for name, schema in _FIELDS.items()),
            _step(OPERATIONS[2:], [name for name in _FIELDS if name not in REQUIRED], {}),
        ]
    },
)
PATCH = component(
    "TemplatePatch",
    {
        "description": "What comes of all the steps is checked as a new template is. Each changes another "
        "field.",
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": _STEP,
    },
)
