"""Results of the find box: hits under headings, each with its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from notifications.models import Message

SHOWN = 5  # hits under a heading


@dataclass(frozen=True, slots=True)
class Hit:
    """A result: name, URL and distinguishing details.

    `message`: set if the hit is a message, which is drawn with its state.
    """

    label: str
    url: str
    about: str = ""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Hits of one kind. `more_url`: the page that lists all of them, labelled `more`; "" if there is none."""

    heading: str
    hits: Sequence[Hit]
    more: str = ""
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The results for a text.

    `stopped`: a part took too long and is missing.
    """

    text: str
    sections: Sequence[Section] = ()
    stopped: bool = False

    @property
    def only(self) -> Hit | None:
        """The single hit; None if there are several or none."""
        hits = [hit for section in self.sections for hit in section.hits]
        more = any(section.more_url and section.hits for section in self.sections)
        return hits[0] if len(hits) == 1 and not (self.stopped or more) else None
