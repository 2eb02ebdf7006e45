"""The HTTP stand-ins: a Twilio and a receiver of webhooks, over HTTP/1.1 with kept connections."""

import base64
import hashlib
import json
import re
import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import REFUSING, StandIn

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "demo-token"  # noqa: S105  opens the stand-in only
FROM = "+15005550006"  # Twilio's own test number

_PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
REFUSALS = {
    Conduct.NOBODY: (400, 21211, "The 'To' number is not a valid phone number."),
    Conduct.BLOCKED: (400, 21610, "Attempt to send to unsubscribed recipient"),
    Conduct.BROKEN: (500, 20500, "An internal server error has occurred"),
    Conduct.BUSY: (503, 20503, "Service unavailable"),
}
_LONGEST_WAIT = 300.0  # seconds
_TOLD = re.compile(r"/fail/(?P<status>[2-5][0-9]{2})(?![0-9])|/slow/(?P<seconds>[0-9]+(\.[0-9]+)?)")


class _Handler(BaseHTTPRequestHandler):
    """Reads whole bodies and writes an answer in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: StandIn

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The journal says it all."""


class Twilio(_Handler):
    """Twilio's Messages resource, as far as sending needs it. Some numbers misbehave."""

    def do_POST(self) -> None:
        body = self.body()
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        to, text = fields.get("To", ""), fields.get("Body", "")
        if self.server.journal.plays(REFUSING):
            self._refuse(400, 21408, "Permission to send an SMS has not been enabled for the region")
        elif self.server.journal.is_out:
            self._refuse(503, 20503, "Service unavailable")
        elif self.path != _PATH or not self._signed_in():
            self._refuse(401, 20003, "Authenticate")
        elif not _E164.fullmatch(to):
            self._refuse(400, 21211, f"Invalid 'To' Phone Number: {to}")
        else:
            self._take(to, text, fields, len(body))

    def _take(self, to: str, text: str, fields: dict[str, str], size: int) -> None:
        # Twilio has no key of the caller's; number and text are all there is to recognise a repetition by.
        key, sid = hashlib.sha256(f"{to}\n{text}".encode()).hexdigest()[:32], "SM" + secrets.token_hex(16)
        manner, now = conduct.of_number(to), format_datetime(datetime.now(UTC))
        if manner in REFUSALS:
            self._refuse(*REFUSALS[manner])
            return
        failed = manner is Conduct.UNREACHABLE
        if not failed:
            told = {"sid": sid, "callback": fields.get("StatusCallback", "")}
            self.server.journal.write(
                destination=to, key=key, subject="", body=text.encode(), size=size, **told
            )
        if manner is Conduct.SILENT:
            self.close_connection = True
            return
        created = {
            "account_sid": ACCOUNT_SID, "body": text, "date_created": now, "date_sent": None,
            "date_updated": now, "error_code": 30003 if failed else None,
            "error_message": "Unreachable destination handset" if failed else None,
            "from": fields.get("From"), "messaging_service_sid": fields.get("MessagingServiceSid"),
            "sid": sid, "status": "failed" if failed else "queued", "to": to,
        }  # fmt: skip
        self.answer(201, json.dumps(created).encode(), "application/json")

    def _signed_in(self) -> bool:
        expected = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        return secrets.compare_digest(self.headers.get("Authorization", ""), expected)

    def _refuse(self, status: int, code: int, message: str) -> None:
        about = f"https://www.twilio.com/docs/errors/{code}"
        error = {"code": code, "message": message, "more_info": about, "status": status}
        self.answer(status, json.dumps(error).encode(), "application/json")


class Receiver(_Handler):
    """/fail/<status>/… answers that status, /slow/<seconds>/… waits; every other path says 200."""

    def do_POST(self) -> None:
        body, status = self.body(), 200
        key = self.headers.get("x-notifications-idempotency-key", "").replace("-", "")
        manner = conduct.of_path(self.path)
        failing = conduct.fails_this_time(manner, key)
        if self.server.journal.is_out:
            status, failing = (404 if self.server.journal.plays(REFUSING) else 503), False
        elif told := _TOLD.match(self.path):
            if told["status"]:
                status = int(told["status"])
            else:
                time.sleep(min(_LONGEST_WAIT, float(told["seconds"])))
        elif failing and manner is Conduct.BUSY:
            status, failing = 503, False
        if status < 300:
            said = {"method": self.command, "content_type": self.headers.get("Content-Type", "")}
            self.server.journal.write(
                destination=self.path, key=key, subject="", body=body, size=len(body), **said
            )
        if failing:
            self.close_connection = True  # without an answer
            return
        words = "received" if status < 300 else responses.get(status, f"status {status}")
        self.answer(status, words.encode())

    do_PUT = do_PATCH = do_POST
