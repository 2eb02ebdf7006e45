"""How a destination behaves, told by its spelling, so that every kind of failure can be had at will and by
hand.

| conduct | mail to | SMS to +44 7700 900… | webhook path |
|---|---|---|---|
| NOBODY: refused for good, there is no such recipient | @nobody.… | 900 to 909 | |
| BLOCKED: refused for good, the recipient or receiver wants none | @blocked.… | 910 to 919 | |
| FULL: refused, the mailbox is full | @full.… | | |
| BROKEN: an internal error that explains nothing | | 920 to 929 | |
| SILENT: takes each message and hangs up without an answer | @silent.… | 930 to 939 | /silent/… |
| BUSY: told to come back later, every time | @busy.… | 940 to 949 | /busy/… |
| FLAKY: told to come back later, the first one to four times | @flaky.… | 950 to 959 | /flaky/… |
| UNREACHABLE: accepted, but reported as failed at once | | 960 to 969 | |
| FORGETFUL: hangs up without an answer the first time, and takes it again the next | @forgetful.… | |
/forgetful/… |

The numbers are those that Ofcom keeps free for fiction. Webhooks have /fail/<status>/… and /slow/<seconds>/…
besides.
"""

import threading
from enum import Enum, auto
from zlib import crc32


class Conduct(Enum):
    """See the table."""

    FINE = auto()
    NOBODY = auto()
    BLOCKED = auto()
    FULL = auto()
    BROKEN = auto()
    SILENT = auto()
    BUSY = auto()
    FLAKY = auto()
    UNREACHABLE = auto()
    FORGETFUL = auto()


_FICTION = "+447700900"
_BY_TENS = {
    "90": Conduct.NOBODY,
    "91": Conduct.BLOCKED,
    "92": Conduct.BROKEN,
    "93": Conduct.SILENT,
    "94": Conduct.BUSY,
    "95": Conduct.FLAKY,
    "96": Conduct.UNREACHABLE,
}
_OF_MAIL = (
    Conduct.NOBODY,
    Conduct.BLOCKED,
    Conduct.FULL,
    Conduct.SILENT,
    Conduct.BUSY,
    Conduct.FLAKY,
    Conduct.FORGETFUL,
)
_OF_PATHS = (Conduct.SILENT, Conduct.BUSY, Conduct.FLAKY, Conduct.FORGETFUL)
_MOST_FAILURES = 4  # of a FLAKY destination: fewer than a message has tries

_lock = threading.Lock()
_tries: dict[str, int] = {}


def of_address(address: str) -> Conduct:
    """By the first label of a mail address's domain."""
    return _named(address.rpartition("@")[2].partition(".")[0], _OF_MAIL)


def of_number(number: str) -> Conduct:
    """By the range of a telephone number."""
    return (
        _BY_TENS.get(number[len(_FICTION) : -1], Conduct.FINE)
        if number.startswith(_FICTION)
        else Conduct.FINE
    )


def of_path(path: str) -> Conduct:
    """By the first part of a URL's path."""
    return _named(path.strip("/").partition("/")[0], _OF_PATHS)


def fails_this_time(conduct: Conduct, key: str) -> bool:
    """Whether this try of the message `key` fails.

    Counts the tries of what is FLAKY or FORGETFUL; all others behave the same each time.
    """
    if conduct not in (Conduct.FLAKY, Conduct.FORGETFUL):
        return conduct is not Conduct.FINE
    failures = 1 if conduct is Conduct.FORGETFUL else 1 + crc32(key.encode()) % _MOST_FAILURES
    with _lock:
        _tries[key] = _tries.get(key, 0) + 1
        if _tries[key] <= failures:
            return True
        del _tries[key]  # it is taken now, and need not be remembered
    return False


def _named(word: str, known: tuple[Conduct, ...]) -> Conduct:
    return next((each for each in known if each.name.lower() == word.lower()), Conduct.FINE)
