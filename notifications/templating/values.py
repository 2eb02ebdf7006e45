"""The values of placeholders: from clients, groups, recipients and the event's data."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from notifications.criteria import Kind
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Group
from notifications.templating.catalogue import PLACEHOLDERS
from notifications.templating.decimals import plain, plain_text
from notifications.text.validation import clean

Values = dict[str, str]
MOST_DATA = 100  # names in an event's data
LONGEST_VALUE = 10_000
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
DEEPEST = 3  # levels of an event's data
# The last two: dates as XML Schema has them.
_DATED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*|Z|[+-][0-9]{2}:?[0-9]{2})?")
_TIMES = frozenset(each.name for each in PLACEHOLDERS.values() if each.kind == Kind.DATE_TIME)
_NUMBERS = frozenset(each.name for each in PLACEHOLDERS.values() if each.kind in (Kind.MONEY, Kind.NUMBER))


def of_client(client: Client | None) -> Values:
    """Return a client's placeholders, custom fields included."""
    if client is None:
        return {}
    found = {
        "CLIENT_NAME": client.name,
        "CLIENT_FIRST_NAMES": client.first_names,
        "CLIENT_LAST_NAME": client.last_name,
        "CLIENT_ID": client.client_id,
        "CLIENT_KEY": client.key.hex,
        "CLIENT_EMAIL": client.email,
        "CLIENT_MOBILE_PHONE": client.mobile_phone,
        "CLIENT_STATE": client.get_state_display(),
    }
    return found | _own_fields(client, "CLIENT") | _officer(client)


def of_group(group: Group | None) -> Values:
    """Return a group's placeholders, custom fields included."""
    if group is None:
        return {}
    found = {
        "GROUP_NAME": group.name,
        "GROUP_ID": group.group_id,
        "GROUP_KEY": group.key.hex,
        "GROUP_EMAIL": group.email,
        "GROUP_MOBILE_PHONE": group.mobile_phone,
    }
    return found | _own_fields(group, "GROUP") | _officer(group)


def of_recipient(recipient: Any) -> Values:
    """Return the placeholders of the message's recipient: a client, a group, or a member of staff."""
    if recipient is None:
        return {}
    number = next(
        (
            getattr(recipient, name)
            for name in ("client_id", "group_id", "username")
            if hasattr(recipient, name)
        ),
        "",
    )
    first = getattr(recipient, "first_names", None) or getattr(recipient, "first_name", "")
    found = {"RECIPIENT_NAME": recipient.name, "RECIPIENT_FIRST_NAMES": first, "RECIPIENT_ID": number}
    return found | {"RECIPIENT_LAST_NAME": getattr(recipient, "last_name", "")}


def of_event(event: BusinessEvent) -> Values:
    """Return the event's own values: its data, its name, its key and when it happened."""
    here = event.occurred_at.astimezone(timezone.get_default_timezone())
    happened = {
        "EVENT": event.name,
        "EVENT_KEY": event.key.hex,
        "EVENT_DATE_TIME": event.occurred_at.isoformat(),
    }
    return event.data | happened | {"EVENT_DATE": here.date().isoformat()}


def of_now(now: datetime) -> Values:
    """Return today's date and time in the organisation's zone."""
    here = timezone.localtime(now, timezone.get_default_timezone())
    return {"CURRENT_DATE": spoken_day(here), "CURRENT_DATE_TIME": f"{spoken_day(here)} {here:%H:%M}"}


def spoken_day(day: date) -> str:
    """Return a day in the form of letters: 24 November 2026."""
    return f"{day.day} {day:%B %Y}"


def spoken(found: Values) -> Values:
    """Return the values in the form of letters: days and times in words, in the organisation's zone."""
    return found | {name: _in_words(name, found[name]) for name in _TIMES & found.keys()}


def day_of(name: str, value: str) -> date | None:
    """Return the calendar day of a …_DATE value, whatever its time and offset; None if it is no date.

    A date is a date in every zone. Core systems send a due date as midnight somewhere; read as a moment, it
    would be the day before west of there.
    """
    if not name.endswith("_DATE"):
        return None
    dated = _DATED.fullmatch(value)
    try:
        return date.fromisoformat(dated[1] if dated else value)
    except ValueError:
        return None


def _in_words(name: str, value: str) -> str:
    if day := day_of(name, value):
        return spoken_day(day)
    try:
        moment = datetime.fromisoformat(value)
        here = timezone.localtime(moment, timezone.get_default_timezone()) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return value
    return f"{spoken_day(here)} {here:%H:%M}"


def told(data: Mapping[str, Any]) -> Values:
    """Return an event's data as placeholders. Raises Malformed.

    `{"account": {"id": "LN-1"}}` is ACCOUNT_ID.
    """
    found: Values = {}
    _tell(found, "", data, 1)
    if len(found) > MOST_DATA:
        raise Malformed("data", Fault.TOO_MUCH_DATA, count=len(found), most=MOST_DATA)
    return found


def _tell(found: Values, before: str, data: Mapping[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise Malformed("data", Fault.DATA_TOO_DEEP, most=DEEPEST)
    for key, value in data.items():
        name = before + _spelled(key)
        if isinstance(value, Mapping):
            _tell(found, f"{name}_", value, depth + 1)
        elif name in found:
            raise Malformed("data", Fault.DATA_TWICE, name=name)
        else:
            found[name] = _as_text(name, value)


def _spelled(key: str) -> str:
    if key.startswith("CF:"):
        return clean("data", key, most=160)
    name = (
        _HUMP.sub("_", clean("data", key, most=64))
        .upper()
        .replace(" ", "_")
        .replace("-", "_")
        .replace(".", "_")
    )
    if not _NAME.fullmatch(name):
        raise Malformed("data", Fault.BAD_NAME_OF_DATA, name=key[:40])
    return name


def _as_text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    field = f"data.{name}"
    if isinstance(value, int | float | Decimal):
        return plain(field, value)
    if isinstance(value, str):
        text = clean(field, value, most=LONGEST_VALUE)
        # Some systems write their decimals so: as a text, with an exponent.
        return plain_text(field, text) if name in _NUMBERS else text
    raise Malformed("data", Fault.LIST_IN_DATA, name=name)


def _own_fields(owner: Client | Group, entity: str) -> Values:
    own = owner.custom_fields.items()
    return {f"CF:{name}": str(value) for name, value in own} | {
        f"CF:{entity}:{name}": str(value) for name, value in own
    }


def _officer(owner: Client | Group) -> Values:
    officer = owner.credit_officer
    return {"CREDIT_OFFICER_NAME": officer.name, "CREDIT_OFFICER_EMAIL": officer.email} if officer else {}
