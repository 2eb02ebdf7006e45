"""Hidden values, which nobody reads in the log: those marked secret (`{PIN|secret}`), and links with access.

A message's texts have MARK in the place of each. The values are sealed beside the message
(notifications/models/sealed_values.py), put in when it is sent, and deleted then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notifications.secrets.sealed import Unreadable, opened, seal
from notifications.secrets.urls import without_secret_parts

MARK = "⟦hidden⟧"
WORD = "hidden"  # in the place of MARK where nothing was left out, and of values that are not kept
GONE = "its secret value was deleted once it was sent, used or expired, or a day after it had failed."
_SHORTEST = 3  # characters of a value that is looked for in what a server answered
Values = Mapping[str, Sequence[str]]  # by text (body, html), in their order


@dataclass(slots=True)
class Hidden:
    """The values left out of a text while it is filled in.

    `names`: names left out besides those that the text marks itself.
    """

    names: frozenset[str] = frozenset()
    values: list[str] = field(default_factory=list)

    def leave_out(self, value: str) -> str:
        self.values.append(value)
        return MARK


def is_left_out(*texts: str) -> bool:
    """Return whether a value is left out of one of the texts."""
    return any(MARK in text for text in texts)


def without_mark(text: str) -> str:
    """Return a text from which nothing was left out, with any MARK in it replaced.

    So it cannot be taken for one with a value left out.
    """
    return text.replace(MARK, WORD) if MARK in text else text


def sealed(values: Values) -> str:
    """Return the values in their stored form; "" if there are none."""
    return seal(json.dumps({name: list(found) for name, found in values.items()})) if values else ""


def read(stored: str) -> dict[str, list[str]]:
    """Return the stored values by text. Raises Unreadable."""
    return {str(name): [str(each) for each in found] for name, found in json.loads(opened(stored)).items()}


def put_in(text: str, values: Sequence[str]) -> str:
    """Return the text as it is sent. Raises Unreadable if the number of values does not fit it."""
    first, *others = text.split(MARK)
    if len(others) != len(values):
        raise Unreadable("the stored secrets are not those of this text")
    return first + "".join(f"{value}{other}" for value, other in zip(values, others, strict=True))


def masked_in(answer: str, values: Values) -> str:
    """Return a server's answer without the values: spam filters quote what they refuse."""
    for value in sorted({each for found in values.values() for each in found}, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            answer = without_secret_parts(answer.replace(value, MARK), value)
    return answer
