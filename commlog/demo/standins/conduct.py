"""How a destination behaves, told by its spelling, so that every kind of failure can be had by hand.

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
| FORGETFUL: hangs up the first time, takes it again the next | @forgetful.… | | /forgetful/… |

The numbers are those that Ofcom keeps free for fiction. Webhooks have /fail/<status>/… and /slow/<seconds>/…
"""

import re
import threading
from enum import Enum
from zlib import crc32

Conduct = Enum("Conduct", "FINE NOBODY BLOCKED FULL BROKEN SILENT BUSY FLAKY UNREACHABLE FORGETFUL")
_OF_MAIL = frozenset(("nobody", "blocked", "full", "silent", "busy", "flaky", "forgetful"))
_OF_NUMBERS = ("NOBODY", "BLOCKED", "BROKEN", "SILENT", "BUSY", "FLAKY", "UNREACHABLE")  # by tens
_OF_PATHS = frozenset(("silent", "busy", "flaky", "forgetful"))
_FICTION = re.compile(r"\+4477009009([0-6])[0-9]")
_MOST_FAILURES = 4  # of a FLAKY destination: fewer than a message has tries

_lock = threading.Lock()
_tries: dict[str, int] = {}


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
    """Whether this try of `key` fails. What is FLAKY or FORGETFUL has its tries counted."""
    if conduct not in (Conduct.FLAKY, Conduct.FORGETFUL):
        return conduct is not Conduct.FINE
    failures = 1 if conduct is Conduct.FORGETFUL else 1 + crc32(key.encode()) % _MOST_FAILURES
    with _lock:
        _tries[key] = _tries.get(key, 0) + 1
        if _tries[key] <= failures:
            return True
        del _tries[key]  # it is taken now, and need not be remembered
    return False


def _named(word: str, known: frozenset[str]) -> Conduct:
    return Conduct[word.upper()] if word.lower() in known else Conduct.FINE
