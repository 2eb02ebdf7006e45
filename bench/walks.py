"""Reading everything over the API while more arrives: by offset and by cursor, each once and in order.

    python -m bench walks [--server URL]

20,000 messages are read in pages of 50, by three readers at once, while a fourth program sends 1,000 more.
The suite does the same with fewer (tests/commlog/api/test_walks.py).
"""

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from bench.installation import Installation, production
from bench.sign_ins import served

MESSAGES, ARRIVING, PAGE = 20_000, 1_000, 50
_OLDEST_FIRST = {"filterCriteria": [], "sortingCriteria": {"field": "creationDate", "order": "ASC"}}
_EMAIL = {"type": "EMAIL", "destination": "ana@example.org", "subject": "New", "body": "Dear Ana"}


@dataclass
class Reading:
    """A server, and what has arrived there so far, oldest first."""

    address: str
    key: str
    arriving: int
    arrived: list[str] = field(default_factory=list)

    def by_offset(self) -> list[str]:
        """Return the keys oldest first, by offset alone, until the last arrival has been read."""
        found: list[str] = []
        while True:
            whole = len(self.arrived) == self.arriving
            page = self._keys(self._ask(":searchSorted", _OLDEST_FIRST, offset=len(found), limit=PAGE))
            found += page
            if whole and not page:
                return found

    def by_cursor(self) -> list[str]:
        """Return the keys oldest first, by the cursor in each answer."""
        return self._walk(":searchSorted", _OLDEST_FIRST, {})

    def from_the_start(self) -> list[str]:
        """Return the keys newest first, starting with `cursor=_`."""
        return self._walk(":search", [], {"cursor": "_"})

    def arrive(self) -> None:
        """Send messages, one per call."""
        with requests.Session() as session:
            for _ in range(self.arriving):
                self.arrived.append(self._sent(session))

    def _walk(self, operation: str, body: Any, begin: dict[str, str]) -> list[str]:
        before, found, cursor = len(self.arrived), [], begin
        while True:
            answer = self._ask(operation, body, limit=PAGE, **cursor)
            found += self._keys(answer)
            if not answer.headers.get("Items-Next-Cursor"):
                break
            cursor = {"cursor": answer.headers["Items-Next-Cursor"]}
        assert len(self.arrived) > before, "nothing arrived meanwhile"
        return found

    def _ask(self, operation: str, body: Any, **params: Any) -> requests.Response:
        answer = requests.post(
            self._messages + operation, json=body, params=params, headers={"apiKey": self.key}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return answer

    def _sent(self, session: requests.Session) -> str:
        answer = session.post(self._messages, json=_EMAIL, headers={"apiKey": self.key}, timeout=60)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["encodedKey"])

    @property
    def _messages(self) -> str:
        return f"{self.address}/api/communications/messages"

    @staticmethod
    def _keys(answer: requests.Response) -> list[str]:
        return [each["encodedKey"] for each in answer.json()]


def check(reading: Reading, there: Sequence[str]) -> dict[str, float]:
    """Read in all three ways at once while the arrivals come. Returns the seconds of each.

    `there`: the keys before, oldest first.
    """
    with ThreadPoolExecutor(4) as pool:
        sending = pool.submit(reading.arrive)
        begun = time.perf_counter()
        ways = [
            pool.submit(_timed, way, begun)
            for way in (reading.by_offset, reading.by_cursor, reading.from_the_start)
        ]
        (offset, cursor, start), took = zip(*(way.result() for way in ways), strict=True)
        sending.result()
    oldest_first = [*there, *reading.arrived]
    assert len(set(oldest_first)) == len(there) + reading.arriving
    assert offset == oldest_first
    assert len(cursor) > len(there)
    assert cursor == oldest_first[: len(cursor)]
    assert start[::-1] == oldest_first[: len(start)]
    assert len(start) >= len(there)
    return dict(zip(("by offset", "by cursor", "by cursor=_"), took, strict=True))


def _timed(way: Callable[[], list[str]], begun: float) -> tuple[list[str], float]:
    return way(), time.perf_counter() - begun


def run(installation: Installation) -> None:
    """Fill, read, and print how long it took."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    installation.environment |= production(address) | {
        "API_CALLS_A_MINUTE": "0",
        "API_CALLS_A_MINUTE_IN_ALL": "0",
    }
    installation.manage("generate_messages", str(MESSAGES), "--yes")
    key = installation.manage("create_api_key", "--consumer", "Reader", "--role", "Administrator").strip()
    there = [each["encodedKey"] for each in reversed(installation.log())]
    with served(installation, port):
        took = check(Reading(address, key, ARRIVING), there)
    for way, seconds in took.items():
        print(
            f"  {way}: {seconds:.1f} s, each of {MESSAGES:,} messages once and in order while {ARRIVING:,} "
            "arrived"
        )
