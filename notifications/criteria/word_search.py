"""Conditions on the words of messages, by the index of words where it covers them, else by their texts.

This module alone reads the index. `holding` finds words, beginnings and phrases. `narrowed` helps a
comparison of texts, which stays one: the index only excludes messages that cannot match.
"""

from dataclasses import dataclass

from django.db.models import Q

from notifications.criteria.containing import contains
from notifications.criteria.spelled import named, sent_to_number
from notifications.models import Message
from notifications.models.message_words import Extent
from notifications.words import index
from notifications.words.index import COLUMNS, Known
from notifications.words.lexemes import Parts, of_message
from notifications.words.question import Question, Term
from notifications.words.question import ask as ask

_LOOKED_AT = 1_000  # messages that came since, whose words are taken apart while somebody waits
_IDS, *_PARTS = COLUMNS


@dataclass(frozen=True, slots=True)
class _Newer:
    """Messages that the index has not reached yet."""

    pks: tuple[int, ...] = ()  # those that hold the words
    many: bool = False  # more than can be looked at one by one


@dataclass(frozen=True, slots=True)
class Worded:
    """The condition that messages hold words, and how it is evaluated.

    `floor`: messages up to this id are read one by one, since the index has not come down to them. `behind`:
    so are the newest, which it has not reached.
    """

    condition: Q
    floor: int = 0
    behind: bool = False


def holding(question: Question) -> Worded:
    """Return the condition that a message holds the words, in subject, text, recipient's name or destination.

    The part that the index covers is read at one moment, and messages that came since are checked one by one,
    so none is missed in between. Where the index is not complete, or has nothing of a message, the text is
    read.
    """
    known = index.known(question)
    newer = _newer(question, known)
    found = Q((index.Held if known.common else index.Found)(question, newer.pks))
    if outside := _outside(question, known, newer):
        found |= outside & reading(question)
    return Worded(found, known.floor, newer.many)


def narrowed(question: Question) -> Q:
    """Return a condition that is true wherever a message has these words; empty if the index cannot help."""
    if not question:
        return Q()
    known = index.known(question)
    if known.common or not known.reach or known.floor:
        return Q()  # as many would be left to read
    few = index.rarest(question)
    found = Q(index.Found(few)) | Q(pk__gt=known.reach)
    return found | Q(index.NotWhole(few)) if known.extent < Extent.WORDS else found


def reading(question: Question) -> Q:
    """Return the condition of `holding` by reading the texts.

    It finds parts of words, too, but only as they are spelled.
    """
    found = Q()
    for term in question.terms:
        found &= _part(term)
    found = found if question.terms else Q(pk__in=())
    number = sent_to_number(question.raw)
    return found | number if number else found


def _newer(question: Question, known: Known) -> _Newer:
    those = Message._base_manager.filter(pk__gt=known.reach).order_by("pk").values_list(_IDS, *_PARTS)
    rows = those[: _LOOKED_AT + 1]
    if len(rows) > _LOOKED_AT:
        return _Newer(many=True)
    found = []
    for pk, *parts in rows:
        lexemes = of_message(Parts(*parts))
        # A text that is too long is in no index ever: it is looked through as it is.
        if question.is_in(lexemes) if lexemes is not None else _is_in_long(question, Parts(*parts)):
            found.append(pk)
    return _Newer(tuple(found))


def _is_in_long(question: Question, parts: Parts) -> bool:
    whole = "\n".join((parts.subject, parts.recipient_name, parts.destination, parts.content)).lower()
    return bool(question.terms) and all(term.raw.lower() in whole for term in question.terms)


def _outside(question: Question, known: Known, newer: _Newer) -> Q:
    """Return the condition for messages that the index does not cover; empty if it covers all."""
    needed = Extent.WHOLE if question.has_phrase else Extent.WORDS
    found = Q(index.NotWhole(question)) if known.extent < needed else Q()
    if known.floor:
        found |= Q(pk__lte=known.floor)
    return found | Q(pk__gt=known.reach) if newer.many else found


def _part(term: Term) -> Q:
    return (
        contains("subject", term.raw)
        | contains("content", term.raw)
        | named("recipient_name", term.raw)
        | named("destination", term.raw)
    )
