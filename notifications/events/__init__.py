"""Business events, and the messages created for them."""

from notifications.event_names import BY_HAND, EVENTS, MANUAL, in_words
from notifications.events.core_references import with_about
from notifications.events.dry_run import rehearse
from notifications.events.intake import Happening, Raised, raise_many, raise_one
from notifications.events.subscribing import Choice, choices, choose, concerning
from notifications.events.trace import Entry, Silence, entries_of, keys_in

__all__ = [
    "BY_HAND",
    "EVENTS",
    "MANUAL",
    "Choice",
    "Entry",
    "Happening",
    "Raised",
    "Silence",
    "choices",
    "choose",
    "concerning",
    "entries_of",
    "in_words",
    "keys_in",
    "raise_many",
    "raise_one",
    "rehearse",
    "with_about",
]
