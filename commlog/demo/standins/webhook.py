"""A receiver of webhooks. /fail/<status>/… answers that status, /slow/<seconds>/… waits, conduct.py has more; every other path says 200."""

import time
from http import HTTPStatus
from urllib.parse import urlsplit

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import Journal
from commlog.demo.standins.web import Handler, Server

_LONGEST = 300.0  # seconds
_PHRASES = {status.value: status.description or status.phrase for status in HTTPStatus}


class _Receiver(Handler):
    def do_POST(self) -> None:
        body = self.body()
        if self.server.journal.is_out:
            self.answer(503, b"Outage: try again later")
            return
        path = urlsplit(self.path).path
        status, wait = _behaviour(path)
        time.sleep(wait)
        key = self.headers.get("x-notifications-idempotency-key", "").replace("-", "")
        manner = conduct.of_path(path)
        failing = conduct.fails_this_time(manner, key)
        silent = failing and manner in (Conduct.SILENT, Conduct.FORGETFUL)
        if failing and not silent:
            status = 503
        if 200 <= status < 300:
            self.server.journal.write(
                destination=self.path,
                key=key,
                subject="",
                body=body,
                size=len(body),
                method=self.command,
                content_type=self.headers.get("Content-Type", ""),
            )
        if silent:
            self.close_connection = True
            return
        self.answer(status, b"received" if status < 300 else _PHRASES.get(status, f"status {status}").encode())

    do_PUT = do_PATCH = do_POST


def _behaviour(path: str) -> tuple[int, float]:
    """The status to answer and the seconds to wait before."""
    parts = path.strip("/").split("/")
    if len(parts) >= 2 and parts[0] == "fail" and parts[1].isdigit() and 200 <= int(parts[1]) <= 599:
        return int(parts[1]), 0.0
    if len(parts) >= 2 and parts[0] == "slow":
        try:
            return 200, min(_LONGEST, max(0.0, float(parts[1])))
        except ValueError:
            pass
    return 200, 0.0


def serve(journal: Journal, port: int = 0) -> Server:
    """Start it."""
    return Server(_Receiver, journal, port)
