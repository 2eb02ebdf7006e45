"""Conversion of criteria into a condition of the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import chain
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils import timezone

from notifications import channels
from notifications.criteria import few_values as few_values
from notifications.criteria.containing import contains
from notifications.criteria.fields import FIELDS, Field
from notifications.criteria.operators import Kind, Match, Operator
from notifications.criteria.parsing import Criterion, check_all
from notifications.criteria.spans import Bounds, bounds
from notifications.criteria.spelled import (
    REFERENCES,
    named,
    named_as_staff,
    referred,
    sent_to,
    sent_to_international,
)
from notifications.criteria.word_search import narrowed
from notifications.masking import Withheld
from notifications.models.message import MOST_LEGS, MessageQuerySet, of_channels
from notifications.states import LIVE, MessageState
from notifications.words.question import words_of_part

# Fields whose rows an index holds in the order of the log.
_INDEXED = (
    "sender_key", "client", "group", "user", "loan_account", "deposit_account", "repayment", "key",
    "failure_reason", "failure_meaning",
)  # fmt: skip
_IN_WORDS = ("subject", "text", "recipient")  # whose words an index holds
_ASKED_OF_WORDS = (
    Operator.CONTAINS, Operator.EQUALS, Operator.STARTS_WITH, Operator.STARTS_WITH_CASE_SENSITIVE,
)  # fmt: skip
# The states of whatever has a value there: constraints of the table say so.
_STATES = {
    "next_attempt": (MessageState.QUEUED, MessageState.QUEUED_FOR_STREAM, MessageState.WAITING),
    "waiting_reason": (MessageState.WAITING,),
    "failure_level": (MessageState.FAILED,),
}
_CLOCKS_APART = timedelta(hours=1)  # more than those of two hosts ever are
_NEGATIVE = {
    Operator.DIFFERENT_THAN: Operator.EQUALS,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_EMPTY: Operator.EMPTY,
}


def to_q(
    criteria: Sequence[Criterion],
    match: Match = Match.ALL,
    *,
    now: datetime | None = None,
    zone: tzinfo | None = None,
) -> Q:
    """Return the condition that all or any of the criteria hold.

    Days and relative dates are those of `zone`, by default the organisation's. Raises Malformed for too many
    criteria.
    """
    check_all(criteria)
    clock = (now or timezone.now()).astimezone(zone or timezone.get_default_timezone())
    found = Q()
    for criterion in criteria:
        one = _one(FIELDS[criterion.field], criterion, clock)
        found = found | one if match == Match.ANY else found & one
    return found


def narrow(
    messages: MessageQuerySet,
    criteria: Sequence[Criterion],
    match: Match = Match.ALL,
    *,
    now: datetime | None = None,
) -> MessageQuerySet:
    """Return the messages for which all or any of the criteria hold.

    They are split into legs where only so an index keeps the order. Raises Withheld if the reader of the
    messages may not use one of the fields.
    """
    if messages.masked and (names := [one.field for one in criteria if FIELDS[one.field].withheld]):
        raise Withheld(names)
    if match == Match.ALL or len(criteria) == 1:
        messages = _by_words(messages, criteria)
    if match == Match.ANY and len(criteria) > 1:
        branches = [
            _legs(one, now) or ([to_q([one], now=now)] if _is_indexed(one) else []) for one in criteria
        ]
        if not all(branches):
            return messages.filter(to_q(criteria, match, now=now))
        return messages.any_of(*chain.from_iterable(branches))
    for one in () if messages.legs else criteria:
        rest = [other for other in criteria if other is not one]
        if any(_is_indexed(other) and other.field != "state" for other in rest):
            continue
        if legs := _legs(one, now):
            return (messages.filter(to_q(rest, now=now)) if rest else messages).any_of(*legs)
    return messages.filter(to_q(criteria, now=now))


def _by_words(messages: MessageQuerySet, criteria: Sequence[Criterion]) -> MessageQuerySet:
    """Leave out messages that cannot contain the texts asked for, by the index of words."""
    parts = [
        words_of_part(
            one.values[0], begins=one.operator != Operator.CONTAINS, ends=one.operator == Operator.EQUALS
        )
        for one in criteria
        if one.field in _IN_WORDS and one.operator in _ASKED_OF_WORDS
    ]
    return messages.filter(*(found for each in parts if (found := narrowed(each))))


def _is_indexed(criterion: Criterion) -> bool:
    """Return whether an index holds the messages of this criterion in the order of the log."""
    if criterion.operator == Operator.IN:
        return criterion.field in _INDEXED
    return criterion.operator == Operator.EQUALS and criterion.field in (*_INDEXED, "state", "destination")


def _legs(criterion: Criterion, now: datetime | None) -> list[Q]:
    """Return conditions that together equal the criterion, each served by an index.

    The list is empty if they would not help.
    """
    if criterion.operator in _NEGATIVE or criterion.operator == Operator.EMPTY:
        return []
    made = FIELDS[criterion.field].legs
    if made and criterion.values == ("true",):
        return made()
    condition = to_q([criterion], now=now)
    if states := _states_of(criterion):
        also = Q() if criterion.field == "state" else condition
        return [also & Q(state=state) for state in states]
    if criterion.field in _INDEXED and criterion.operator == Operator.IN:
        each = (replace(criterion, operator=Operator.EQUALS, values=(value,)) for value in criterion.values)
        return [to_q([one], now=now) for one in each] if len(criterion.values) <= MOST_LEGS else []
    if criterion.field == "destination" and criterion.operator == Operator.EQUALS:
        return _spelled_or_numbered(criterion.values[0])
    if criterion.field == "reference" and criterion.operator == Operator.EQUALS:
        own, number = (referred(each, criterion.values[0]) for each in ("reference_id", "provider_id"))
        return [own, of_channels(channels.NUMBERED) & Q(reference_id="") & number]
    return few_values.legs(criterion, condition)


def _spelled_or_numbered(destination: str) -> list[Q]:
    """Return the legs of a condition on a destination: by spelling and by number.

    Empty if no index serves the number, as it may be only the end of one.
    """
    number = sent_to_international(destination)
    return [named("destination", destination, Operator.EQUALS), number] if number else []


def _states_of(criterion: Criterion) -> Sequence[str]:
    """Return the states of the criterion's messages, if an index holds each of them, else ().

    Hundreds of thousands of messages may wait.
    """
    if criterion.field == "state" and criterion.operator == Operator.IN:
        indexed = {*LIVE, MessageState.FAILED}
        return criterion.values if {*criterion.values} <= indexed else ()
    return _STATES.get(criterion.field, ())


def _one(field: Field, criterion: Criterion, clock: datetime) -> Q:
    opposite = _NEGATIVE.get(criterion.operator)
    if opposite:  # "not" holds for what is empty too
        return ~_positive(field, Criterion(criterion.field, opposite, criterion.values), clock, once=False)
    return _positive(field, criterion, clock, once=True)


def _positive(field: Field, criterion: Criterion, clock: datetime, *, once: bool) -> Q:
    operator, values = criterion.operator, criterion.values
    if field.holds:
        return field.holds() if values == ("true",) else ~field.holds()
    if field.sms_column:  # the number of its provider is an SMS's where it has no other
        own, number = replace(field, sms_column=""), replace(field, column=field.sms_column, sms_column="")
        spare = of_channels(channels.NUMBERED) & Q(**{field.column: ""})
        found, by_number = (_positive(each, criterion, clock, once=once) for each in (own, number))
        return found & (~spare | by_number) if operator == Operator.EMPTY else found | (spare & by_number)
    if operator == Operator.EMPTY:
        return (
            Q(**{f"{field.column}__isnull": True})
            if field.nullable or not _is_text(field)
            else Q(**{field.column: ""})
        )
    if field.kind == Kind.KEY:
        return _by_key(field, values, as_one=once and len(values) == 1)
    if field.kind == Kind.NUMBER:
        return _by_number(field.column, operator, [int(value) for value in values])
    if field.kind == Kind.DATE_TIME:
        span = bounds(operator, values, clock)
        found = _within(field.column, span)
        # The log has it before then, since it was created first. An index that counts what was sent lately
        # knows of no creation.
        if field.key == "sent" and once and span[1] and span[1] < clock:
            found &= Q(created_at__lt=span[1] + _CLOCKS_APART)
        return found
    return _by_text(field, operator, values)


def _is_text(field: Field) -> bool:
    return field.kind in (Kind.STRING, Kind.TEXT, Kind.ENUM)


def _by_key(field: Field, values: Sequence[str], *, as_one: bool) -> Q:
    """Return the condition on keys of messages or of rows that they refer to.

    A single key is looked up first, so that an index keeps the order.
    """
    keys = [UUID(value) for value in values]
    if field.related is None:
        return Q(**{f"{field.column}__in": keys})
    rows = field.related.filter(key__in=keys).order_by().values("pk")
    return Q(**{field.column: rows[:1]}) if as_one else Q(**{f"{field.column}__in": rows})


def _by_number(column: str, operator: Operator, values: Sequence[int]) -> Q:
    if operator == Operator.BETWEEN:
        return Q(**{f"{column}__gte": values[0], f"{column}__lte": values[1]})
    lookup = {Operator.MORE_THAN: "gt", Operator.LESS_THAN: "lt"}.get(operator, "exact")
    return Q(**{f"{column}__{lookup}": values[0]})


def _by_text(field: Field, operator: Operator, values: Sequence[str]) -> Q:
    # The same by a constraint; an index counts these without their rows.
    if field.key == "state" and tuple(values) == (MessageState.SENT,):
        return Q(sent_at__isnull=False)
    if operator == Operator.IN:
        return Q(**{f"{field.column}__in": values})
    if operator == Operator.STARTS_WITH_CASE_SENSITIVE:  # LIKE ignores the case on SQLite
        begins = Q(Exact(Left(F(field.column), len(values[0])), Value(values[0])))
        return begins & named(field.column, values[0], Operator.STARTS_WITH) if field.folded else begins
    if operator in (Operator.CONTAINS, Operator.STARTS_WITH, Operator.EQUALS):
        if field.folded:
            of = field.column
            return sent_to(values[0], operator) if of == "destination" else named(of, values[0], operator)
        literally = _literally(field, operator, values[0])
        return literally | named_as_staff(field.column, values[0], operator) if field.staff else literally
    return _literally(field, operator, values[0])


def _literally(field: Field, operator: Operator, value: str) -> Q:
    if field.column == "failure_cause" and value:  # of those that have one, which an index holds
        return ~Q(failure_cause="") & _compared(field, operator, value)
    return _compared(field, operator, value)


def _compared(field: Field, operator: Operator, value: str) -> Q:
    if operator == Operator.CONTAINS:
        return contains(field.column, value)
    if operator == Operator.EQUALS and field.column in REFERENCES:
        return referred(field.column, value)
    lookup = {Operator.STARTS_WITH: "istartswith", Operator.EQUALS: "iexact"}.get(operator, "exact")
    if field.choices:
        lookup = "exact"  # the values were brought into their one spelling
    return Q(**{f"{field.column}__{lookup}": value})


def _within(column: str, span: Bounds) -> Q:
    start, end = span
    return (Q(**{f"{column}__gte": start}) if start else Q()) & (Q(**{f"{column}__lt": end}) if end else Q())
