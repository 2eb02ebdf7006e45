"""The HTTP stand-ins: a Twilio and a receiver of webhooks, over HTTP/1.1 with kept connections."""

import base64
import hashlib
import json
import re
import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import REFUSING, StandIn

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "demo-token"  # noqa: S105  opens the stand-in only
FROM = "+15005550006"  # Twilio's own test number

_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages\.json")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST = 1600
REFUSALS = {
    Conduct.NOBODY: (400, 21211, "The 'To' number is not a valid phone number."),
    Conduct.BLOCKED: (400, 21610, "Attempt to send to unsubscribed recipient"),
    Conduct.BROKEN: (500, 20500, "An internal server error has occurred"),
    Conduct.BUSY: (503, 20503, "Service unavailable"),
}
_LONGEST_WAIT = 300.0  # seconds
_PHRASES = {status.value: status.description or status.phrase for status in HTTPStatus}


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
        found = _PATH.fullmatch(self.path)
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        to, text = fields.get("To", ""), fields.get("Body", "")
        if self.server.journal.plays(REFUSING):
            self._refuse(400, 21408, "Permission to send an SMS has not been enabled for the region")
        elif self.server.journal.is_out:
            self._refuse(503, 20503, "Service unavailable")
        elif not found:
            self._refuse(404, 20404, f"The requested resource {self.path} was not found")
        elif found[1] != ACCOUNT_SID or not self._signed_in():
            self._refuse(401, 20003, "Authenticate")
        elif not _E164.fullmatch(to):
            self._refuse(400, 21211, f"Invalid 'To' Phone Number: {to}")
        elif not text:
            self._refuse(400, 21602, "Message body is required.")
        elif len(text) > _LONGEST:
            self._refuse(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        elif not (fields.get("From") or fields.get("MessagingServiceSid")):
            self._refuse(400, 21603, "A 'From' phone number is required.")
        else:
            sender = {"from": fields.get("From"), "messaging_service_sid": fields.get("MessagingServiceSid")}
            self._hand_over(to, text, sender, len(body), fields.get("StatusCallback", ""))

    def _hand_over(self, to: str, text: str, sender: dict[str, str | None], size: int, callback: str) -> None:
        # Twilio has no key of the caller's; number and text are all there is to recognise a repetition by.
        key = hashlib.sha256(f"{to}\n{text}".encode()).hexdigest()[:32]
        sid = "SM" + secrets.token_hex(16)
        manner = conduct.of_number(to)
        failing = conduct.fails_this_time(manner, key)
        if not failing or manner is Conduct.SILENT:
            self.server.journal.write(
                destination=to, key=key, subject="", body=text.encode(), size=size, sid=sid, callback=callback
            )
        if not failing:
            self._created(to, text, sender, sid)
        elif manner is Conduct.SILENT:
            self.close_connection = True
        elif manner is Conduct.UNREACHABLE:
            failed = {"error_code": 30003, "error_message": "Unreachable destination handset"}
            self._created(to, text, sender, sid, status="failed", **failed)
        else:
            self._refuse(*REFUSALS[manner])

    def _signed_in(self) -> bool:
        expected = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        return secrets.compare_digest(self.headers.get("Authorization", ""), expected)

    def _created(
        self, to: str, text: str, sender: dict[str, str | None], sid: str, **differing: object
    ) -> None:
        now = format_datetime(datetime.now(UTC))
        uri = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json"
        created = {
            "account_sid": ACCOUNT_SID, "api_version": "2010-04-01", "body": text, "date_created": now,
            "date_sent": None, "date_updated": now, "direction": "outbound-api", "error_code": None,
            "error_message": None, **sender, "num_media": "0", "num_segments": "1", "price": None,
            "price_unit": "USD", "sid": sid, "status": "queued",
            "subresource_uris": {"media": uri.replace(".json", "/Media.json")}, "to": to, "uri": uri,
            **differing,
        }  # fmt: skip
        self.answer(201, json.dumps(created).encode(), "application/json")

    def _refuse(self, status: int, code: int, message: str) -> None:
        about = f"https://www.twilio.com/docs/errors/{code}"
        error = {"code": code, "message": message, "more_info": about, "status": status}
        self.answer(status, json.dumps(error).encode(), "application/json")


class Receiver(_Handler):
    """/fail/<status>/… answers that status, /slow/<seconds>/… waits; every other path says 200."""

    def do_POST(self) -> None:
        body = self.body()
        if self.server.journal.is_out:
            refusal = (404, b"Outage: not found")
            self.answer(
                *(refusal if self.server.journal.plays(REFUSING) else (503, b"Outage: try again later"))
            )
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
            said = {"method": self.command, "content_type": self.headers.get("Content-Type", "")}
            self.server.journal.write(
                destination=self.path, key=key, subject="", body=body, size=len(body), **said
            )
        if silent:
            self.close_connection = True
            return
        words = "received" if status < 300 else _PHRASES.get(status, f"status {status}")
        self.answer(status, words.encode())

    do_PUT = do_PATCH = do_POST


def _behaviour(path: str) -> tuple[int, float]:
    """The status to answer and the seconds to wait before."""
    manner, _, rest = path.strip("/").partition("/")
    number = rest.partition("/")[0]
    if manner == "fail" and number.isdigit() and 200 <= int(number) <= 599:
        return int(number), 0.0
    slow = manner == "slow" and re.fullmatch(r"[0-9.]*[0-9]", number)
    return 200, min(_LONGEST_WAIT, float(number)) if slow else 0.0
