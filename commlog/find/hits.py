"""What the find box lists: hits under headings, each with the page that it leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

from notifications.models import Message

SHOWN = 5  # hits under a heading


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found: what it is called, where it leads, and what tells it from others.

    `message`: of a hit that is a message, which is drawn with its state.
    """

    label: str
    url: str
    about: str = ""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Hits of one kind. `more_url`: where all of them are listed, as `more` says; "" where there is no such
    place.
    """

    heading: str
    hits: Sequence[Hit]
    more: str = ""
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a text.

    `stopped`: a part of it took too long and is missing.
    """

    text: str
    sections: Sequence[Section] = ()
    stopped: bool = False

    @property
    def only(self) -> Hit | None:
        """The one thing that was found; None where there are several or none."""
        hits = [hit for section in self.sections for hit in section.hits]
        more = any(section.more_url and section.hits for section in self.sections)
        return hits[0] if len(hits) == 1 and not (self.stopped or more) else None
