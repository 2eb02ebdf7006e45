"""JSON Schemas of requests and responses, built from the tables that validate them. Tests fuzz with them."""

import calendar
from collections.abc import Iterable, Mapping

from django.conf import settings

from commlog.api.description import Schema, component, ref
from commlog.api.intake import MOST as MOST_SENT
from commlog.api.pages import DEEPEST, MOST
from commlog.api.plain import NOTHING, PLAIN
from commlog.api.resending import TEMPLATE_TYPES
from commlog.api.schemas import KEYS_ABOUT, WITHHELD
from commlog.api.search_request import BY_API_NAME, SORTABLE
from commlog.api.sending import EVENT, READ_ONLY, RECIPIENTS
from notifications import channels
from notifications.criteria import (
    COUNTED_BACK,
    LONGEST,
    MOST_CRITERIA,
    MOST_VALUES,
    WITH_LIST,
    WITHOUT_VALUE,
    Field,
    Kind,
    Operator,
)
from notifications.failures import Reason
from notifications.models.message import LONGEST_REFERENCE
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus, WaitingReason
from notifications.text import keys
from notifications.text.validation import LINE

KEY: Schema = {"type": "string", "pattern": f"^({keys.PATTERN})$"}
ANSWERED_KEY: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
TEXT: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
FILLED: Schema = {"type": "string", "minLength": 1, "pattern": r"^[^\x00]*$"}
WORDS: Schema = {
    "type": ["string", "number", "boolean"],
    "maxLength": LONGEST,
    "pattern": r"^[^\x00]*[^\s\x00\x1c-\x1f][^\x00]*$",
}
MOMENT: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "With the offset of the organisation's zone",
}


def optional(schema: Schema) -> Schema:
    """Return the schema or nothing: many clients write null, "" or [] for absent values."""
    return {"anyOf": [schema, NOTHING]}


def closed(properties: dict[str, Schema], *required: str) -> Schema:
    """Return an object schema with these fields and no others."""
    fields = {"required": list(required), "properties": properties}
    return {"type": "object", **fields, "additionalProperties": False}


def case_blind(words: Iterable[str]) -> Schema:
    """Return a schema of these words in any case."""
    known = list(words)
    written = (
        "".join(f"[{letter}{letter.lower()}]" if letter.isalpha() else letter for letter in word)
        for word in known
    )
    return {"type": "string", "pattern": f"^({'|'.join(written)})$", PLAIN: {"type": "string", "enum": known}}


def _day() -> str:
    """Return a pattern of days from 1971 to 2198, leap years included."""
    years = r"(19[7-9][1-9]|19[89]0|20[0-9]{2}|21[0-8][0-9]|219[0-8])"
    leaps = "|".join(str(year) for year in range(1971, 2199) if calendar.isleap(year))
    long, short = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])", "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    return f"({years}-({long}|{short}|02-(0[1-9]|1[0-9]|2[0-8]))|({leaps})-02-29)"


def _sized(kind: str, most: int, written: str) -> Schema:
    """Return the schema of a number or an amount, as a number or as text."""
    as_number = {"type": kind, "minimum": -most, "maximum": most}
    return {"anyOf": [as_number, {"type": "string", "pattern": written}]}


_TIME = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
DAY_OR_MOMENT: Schema = {
    "type": "string",
    "pattern": f"^{_day()}({_TIME})?$",
    "description": "A day of the organisation's zone, 2026-11-24, or a moment with its offset, "
    "2026-11-24T09:14:00+01:00",
}
EXACT_MOMENT: Schema = {
    "type": "string",
    "pattern": f"^{_day()}{_TIME}$",
    "description": "With its offset, 2026-11-24T09:14:00+01:00",
    PLAIN: {"type": "string", "format": "date-time"},
}
_SIZES: dict[Kind, Schema] = {
    Kind.NUMBER: _sized("integer", 10**9 - 1, "^-?[0-9]{1,9}$"),
    Kind.MONEY: _sized("number", 10**15 - 1, r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"),
}
_TO_36500 = "([1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500)"
_DAYS: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 36_500},
        {"type": "string", "pattern": f"^0{{0,4}}{_TO_36500}$"},
    ]
}
_HOURS: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": COUNTED_BACK[Operator.LAST_HOURS]},
        {"type": "string", "pattern": "^0{0,4}[1-9][0-9]{0,4}$"},
    ]
}


def _value(field: Field, operator: Operator) -> Schema:
    """Return the schema of the field's value for that operator."""
    if operator in COUNTED_BACK:
        return _DAYS if operator == Operator.LAST_DAYS else _HOURS
    if field.kind == Kind.KEY:
        return KEY
    if field.kind == Kind.DATE_TIME:
        return DAY_OR_MOMENT
    if field.kind == Kind.BOOLEAN:
        return {"anyOf": [{"type": "boolean"}, case_blind(["true", "false"])]}
    if field.kind in _SIZES:
        return _SIZES[field.kind]
    if field.choices and operator == Operator.EQUALS_CASE_SENSITIVE:
        return {"enum": [value for value, _ in field.choices]}
    return case_blind(value for value, _ in field.choices) if field.choices else WORDS


def _criterion(field: Field, operator: Operator) -> tuple[str, Schema]:
    """Return a key that groups equal value schemas, and the properties of the values."""
    value, nothing = _value(field, operator), dict.fromkeys(("value", "secondValue", "values"), NOTHING)
    if operator in WITHOUT_VALUE:
        return "nothing", nothing
    if operator in WITH_LIST:
        return "values", nothing | {
            "values": {"type": "array", "minItems": 1, "maxItems": MOST_VALUES, "items": value}
        }
    if operator == Operator.BETWEEN:
        return "two", nothing | {"value": value, "secondValue": value}
    return "one", nothing | {"value": value}


def criteria_of(
    fields: Mapping[str, Field], field_is: str, operator_is: str, more: Schema | None = None
) -> list[Schema]:
    """Return the schemas of all fields and operators, grouped where they take the same values."""
    groups: dict[str, tuple[list[str], list[str], str, Schema]] = {}
    for name, field in fields.items():
        for operator in field.operators:
            told, values = _criterion(field, operator)
            group = groups.setdefault(f"{field.kind} {told} {values}", ([], [], told, values))
            for word, known in ((name, group[0]), (operator.value, group[1])):
                if word not in known:
                    known.append(word)
    needs = {"nothing": [], "one": ["value"], "two": ["value", "secondValue"], "values": ["values"]}
    return [
        closed(
            {field_is: {"enum": names}, operator_is: case_blind(operators)} | values | (more or {}),
            field_is,
            operator_is,
            *needs[told],
        )
        for names, operators, told, values in groups.values()
    ]


CRITERION = component(
    "FilterCriteria",
    {
        "description": "For BETWEEN, value is before secondValue.",
        "anyOf": criteria_of(BY_API_NAME, "field", "operator"),
    },
)
CRITERIA: Schema = {"type": "array", "maxItems": MOST_CRITERIA, "items": CRITERION}
SORTING = component(
    "SortingCriteria",
    closed({"field": {"enum": list(SORTABLE)}, "order": optional(case_blind(["ASC", "DESC"]))}, "field"),
)
SEARCH = component(
    "Search",
    {
        "anyOf": [
            CRITERIA,
            closed({"filterCriteria": optional(CRITERIA), "sortingCriteria": optional(SORTING)}),
        ]
    },
)
SEARCH_SORTED = component(
    "SearchSorted",
    closed({"filterCriteria": CRITERIA, "sortingCriteria": SORTING}, "filterCriteria", "sortingCriteria"),
)

_WITH_KEY: Schema = {"type": "object", "required": ["encodedKey"], "properties": {"encodedKey": KEY}}
_CHOSEN: Schema = {
    "type": "array",
    "maxItems": settings.API_MOST_RESENT,
    "uniqueItems": True,
    "items": {"anyOf": [KEY, _WITH_KEY]},
}
_AGAIN: Schema = optional(
    {"type": "boolean", "description": "Resend even if an entry of the chain has been delivered"}
)
RESEND = component(
    "Resend",
    {
        "description": "Keys, or messages as a search answers them: bare, or as `messages` of an object.",
        "anyOf": [closed({"messages": _CHOSEN | {"minItems": 1}, "again": _AGAIN}, "messages"), _CHOSEN],
    },
)
RESEND_BY_DATE = component(
    "ResendByDate",
    closed(
        {
            "startDate": DAY_OR_MOMENT,
            "endDate": DAY_OR_MOMENT,
            "templateTypes": optional({"type": "array", "items": {"enum": list(TEMPLATE_TYPES)}}),
            "again": _AGAIN,
        },
        "startDate",
        "endDate",
    ),
)


ABOUT = {name: optional(KEY) for name in KEYS_ABOUT}
ABOUT |= {"referenceId": optional(TEXT | {"maxLength": LONGEST_REFERENCE})}
_IGNORED: dict[str, Schema] = {
    name: {"readOnly": True, "description": "Ignored"} for name in sorted(READ_ONLY)
}


def _sendable(channel: MessageType, recipient: str) -> Schema:
    """Return the schema of a message to that kind of recipient; without one it needs a destination."""
    line: Schema = {"type": "string", "minLength": 1, "pattern": LINE}
    properties: dict[str, Schema] = {
        "type": {"const": channel.value},
        "body": FILLED,
        "event": optional({"const": EVENT}),
        "senderKey": optional(KEY),
        "templateKey": NOTHING,
    }
    facts = channels.of(channel)
    address: Schema = {
        "type": "string",
        "pattern": facts.destination_pattern,
        "description": facts.destination_help,
    }
    own: dict[str, Schema] = {"subject": line, "html": optional(TEXT)}
    properties |= {name: schema if name in facts.fields else NOTHING for name, schema in own.items()}
    properties |= dict.fromkeys(RECIPIENTS, NOTHING) | ABOUT | _IGNORED
    properties["destination"] = optional(address) if recipient else address
    required = ["type", "body", recipient or "destination", *({"subject"} & {*facts.fields})]
    return closed(properties | ({recipient: KEY} if recipient else {}), *required)


def _from_template(channel: MessageType, recipient: str) -> Schema:
    """Return the schema of a message whose text comes from a template."""
    texts = dict.fromkeys(("subject", "body", "html"), NOTHING)
    fields = {
        "type": {"const": channel.value},
        "templateKey": KEY,
        recipient: KEY,
        "event": optional({"const": EVENT}),
        "senderKey": optional(KEY),
    }
    return closed(texts | fields | ABOUT | _IGNORED, "type", "templateKey", recipient)


NEW_MESSAGE = component(
    "NewMessage",
    {
        "description": "An e-mail or an SMS to a client, a group, a user, or a destination. `senderKey` may "
        "be the calling user's own.",
        "anyOf": [
            *(_sendable(each, whom) for each in channels.FOR_PEOPLE for whom in (*RECIPIENTS, "")),
            *(_from_template(each, whom) for each in channels.FOR_PEOPLE for whom in RECIPIENTS),
        ],
    },
)

SENT: Schema = {
    "anyOf": [NEW_MESSAGE, {"type": "array", "minItems": 1, "maxItems": MOST_SENT, "items": NEW_MESSAGE}]
}

_NUMBER: Schema = {"type": "integer", "minimum": 0}
ATTEMPT = component(
    "Attempt",
    closed(
        {
            "number": _NUMBER,
            "startedAt": MOMENT,
            "finishedAt": MOMENT,
            "outcome": {"enum": list(Outcome)},
            "failureReason": {"enum": list(Reason)},
            "failureCause": {"type": "string"},
        },
        "number",
    ),
)
_ANSWERED: dict[str, Schema] = {
    "encodedKey": ANSWERED_KEY,
    "type": {"enum": list(MessageType)},
    "state": {"enum": list(MessageState)},
    "creationDate": MOMENT,
    "sendDate": MOMENT,
    **{
        name: {"type": "string", "minLength": 1}
        for name in (
            "destination",
            "subject",
            "body",
            "html",
            "event",
            "failureCause",
            "referenceId",
            "providerId",
        )
    },
    **{name: ANSWERED_KEY for name in ("senderKey", "templateKey", "eventKey", *RECIPIENTS, *KEYS_ABOUT)},
    "failureReason": {"enum": list(Reason)},
    "numRetries": _NUMBER,
    "waitingReason": {"enum": list(WaitingReason)},
    "outcome": {"enum": list(Outcome)},
    "possibleDuplicate": {"const": True, "description": "It may have been delivered twice"},
    "receipt": {
        "enum": list(ReceiptStatus),
        "description": "What the provider reported after it had accepted the message",
    },
    "receiptDate": MOMENT,
    "textDeletedDate": MOMENT
    | {
        "description": "When subject, body, html and headers were deleted, because they were older than the "
        "organisation keeps them. Such a message cannot be resent"
    },
    "contentWithheld": {"const": True, "description": WITHHELD},
    "resendOf": ANSWERED_KEY | {"description": "The failed message that this one repeats"},
    "attempts": {"type": "array", "items": ATTEMPT, "description": "With detailsLevel=FULL"},
}
MESSAGE = component(
    "CommunicationMessage", closed(_ANSWERED, "encodedKey", "type", "state", "creationDate", "numRetries")
)
MESSAGES: Schema = {"type": "array", "items": MESSAGE}
STORED: Schema = {"anyOf": [MESSAGE, MESSAGES]}
_REFUSED = component(
    "RefusedMessage",
    closed({"errors": {"type": "array", "minItems": 1, "items": ref("ErrorEntry")}}, "errors"),
)
PARTLY_STORED: Schema = {"type": "array", "items": {"anyOf": [MESSAGE, _REFUSED]}}


def parameter(name: str, about: str, schema: Schema) -> Schema:
    """Return a parameter of the query string."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": about,
        "schema": schema,
    }


DETAILS_LEVEL = parameter(
    "detailsLevel", "FULL adds the attempts", {"enum": ["BASIC", "FULL"], "default": "BASIC"}
)
PARTIAL = parameter(
    "partial",
    "true: of a list, store each message that can be stored, and answer 207 if some were refused",
    {"type": "boolean", "default": False},
)
PAGING = [
    parameter(
        "offset", "How many to pass over", {"type": "integer", "minimum": 0, "maximum": DEEPEST, "default": 0}
    ),
    parameter(
        "limit",
        "How many at most; 0 answers the headers alone",
        {"type": "integer", "minimum": 0, "maximum": MOST, "default": MOST},
    ),
    parameter("paginationDetails", "ON adds the headers Items-…", {"enum": ["ON", "OFF"], "default": "OFF"}),
    DETAILS_LEVEL,
    parameter(
        "cursor",
        "_ at first, then Items-Next-Cursor of the answer before; instead of offset, and quick at any depth",
        {"type": "string"},
    ),
]
PAGE_HEADERS = {
    "Items-Total": "How many match (with paginationDetails=ON)",
    "Items-Total-Estimated": f"true where Items-Total is an estimate: more than {DEEPEST:,} match",
    "Items-Limit": "The limit (with paginationDetails=ON)",
    "Items-Offset": "The offset (with paginationDetails=ON)",
    "Items-Next-Cursor": "The cursor of the next page; on the last one empty where a cursor was given, else "
    "absent",
}
