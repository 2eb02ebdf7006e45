"""How a destination behaves, told by its spelling, so that every kind of failure can be had by hand.

| conduct | mail to | SMS to +44 7700 900… | webhook path |
|---|---|---|---|
| NOBODY: refused for good, there is no such recipient | @nobody.… | 900 to 909 | |
| BLOCKED: refused for good, the recipient wants none | @blocked.… | 910 to 919 | |
| BROKEN: an internal error that explains nothing | | 920 to 929 | |
| SILENT: takes each message and hangs up without an answer | @silent.… | 930 to 939 | /silent/… |
| BUSY: told to come back later, every time | @busy.… | 940 to 949 | /busy/… |
| UNREACHABLE: accepted, but reported as failed at once | | 960 to 969 | |
| FORGETFUL: hangs up the first time, takes it again the next | @forgetful.… | | /forgetful/… |

The numbers are those that Ofcom keeps free for fiction. Webhooks have /fail/<status>/… and /slow/<seconds>/…
"""

import re
import threading
from enum import Enum

Conduct = Enum("Conduct", "FINE NOBODY BLOCKED BROKEN SILENT BUSY UNREACHABLE FORGETFUL")
_OF_MAIL = frozenset(("nobody", "blocked", "silent", "busy", "forgetful"))
_OF_NUMBERS = ("NOBODY", "BLOCKED", "BROKEN", "SILENT", "BUSY", "FINE", "UNREACHABLE")  # by tens
_OF_PATHS = frozenset(("silent", "busy", "forgetful"))
_FICTION = re.compile(r"\+4477009009([0-6])[0-9]")

_lock = threading.Lock()
_forgotten: set[str] = set()


def of_address(address: str) -> Conduct:
    """By the first label of a mail address's domain."""
    return _named(address.rpartition("@")[2].partition(".")[0], _OF_MAIL)


def of_number(number: str) -> Conduct:
    """By the range of a telephone number."""
    found = _FICTION.fullmatch(number)
    return Conduct[_OF_NUMBERS[int(found[1])]] if found else Conduct.FINE


def of_path(path: str) -> Conduct:
    """By the first part of a URL's path."""
    return _named(path.strip("/").partition("/")[0], _OF_PATHS)


def fails_this_time(conduct: Conduct, key: str) -> bool:
    """Whether this try of `key` fails; of what is FORGETFUL every second one does not."""
    if conduct is not Conduct.FORGETFUL:
        return conduct is not Conduct.FINE
    with _lock:
        _forgotten.symmetric_difference_update({key})
        return key in _forgotten


def _named(word: str, known: frozenset[str]) -> Conduct:
    return Conduct[word.upper()] if word.lower() in known else Conduct.FINE
