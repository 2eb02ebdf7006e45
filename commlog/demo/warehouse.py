"""The demo's data warehouse: a program of the bank that reads stream events over the API."""

import argparse
import json
import time
import urllib.request
from contextlib import suppress
from typing import Any

from commlog.demo import texts
from commlog.demo.bank import key_of
from commlog.demo.place import Place
from notifications.states import MessageType

NAME = "Data warehouse"
_SLEEPS = "Monthly reports"  # an application that subscribes, and is not running
_AGAIN = 2.0  # seconds before it connects again
_PATIENCE = 29.0  # longer than a stream is silent


def reader(place: Place, options: argparse.Namespace) -> None:
    """Subscribe to every topic of the bank, and read on, for ever."""
    warehouse = _Warehouse(
        f"http://127.0.0.1:{options.port}/api/v1/subscriptions",
        key_of(NAME, "read_streams", "read_message_content"),
    )
    while True:
        with suppress(OSError):
            warehouse.read()
        time.sleep(_AGAIN)


class _Warehouse:
    """A client of the Streaming API."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key

    def read(self) -> None:
        """Until the stream ends. Raises OSError, also where the pages do not answer yet."""
        self._subscription(_SLEEPS)
        here = f"{self._address}/{self._subscription(NAME)}"
        with self._call("GET", f"{here}/events?batch_limit=20&batch_flush_timeout=5") as stream:
            name = {"X-Mambu-StreamId": stream.headers["X-Mambu-StreamId"]}
            for line in stream:
                batch = json.loads(line)
                if batch.get("events"):
                    self._call("POST", f"{here}/cursors", {"items": [batch["cursor"]]}, name).close()

    def _subscription(self, application: str) -> str:
        topics = {each.way for each in texts.WORDINGS if each.channel == MessageType.EVENT_STREAM}
        wish = {"owning_application": application, "event_types": sorted(topics), "read_from": "begin"}
        with self._call("POST", self._address, wish) as answer:
            return str(json.load(answer)["id"])

    def _call(
        self, method: str, address: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        about = {"apiKey": self._key, "Content-Type": "application/json"} | (headers or {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, about, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=_PATIENCE)  # noqa: S310
