"""Twilio's Messages resource, as far as sending needs it. Some numbers misbehave: see conduct.py."""

import base64
import hashlib
import json
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs

from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.demo.standins.journal import Journal
from commlog.demo.standins.web import Handler, Server

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "demo-token"  # noqa: S105  opens the stand-in only
FROM = "+15005550006"  # Twilio's own test number

_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages\.json")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST = 1600
_REFUSALS = {
    Conduct.NOBODY: (400, 21211, "The 'To' number is not a valid phone number."),
    Conduct.BLOCKED: (400, 21610, "Attempt to send to unsubscribed recipient"),
    Conduct.BROKEN: (500, 20500, "An internal server error has occurred"),
    Conduct.BUSY: (503, 20503, "Service unavailable"),
    Conduct.FLAKY: (503, 20503, "Service unavailable"),
}


class _Messages(Handler):
    def do_POST(self) -> None:
        body = self.body()
        found = _PATH.fullmatch(self.path)
        fields = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).items()}
        to, text = fields.get("To", ""), fields.get("Body", "")
        if self.server.journal.is_out:
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
        if not conduct.fails_this_time(manner, key):
            self._record(to, text, key, size, sid, callback)
            self._created(to, text, sender, sid)
        elif manner is Conduct.SILENT:
            self._record(to, text, key, size, sid, callback)
            self.close_connection = True
        elif manner is Conduct.UNREACHABLE:
            self._created(to, text, sender, sid, status="failed", error_code=30003, error_message="Unreachable destination handset")
        else:
            self._refuse(*_REFUSALS[manner])

    def _signed_in(self) -> bool:
        expected = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        return secrets.compare_digest(self.headers.get("Authorization", ""), expected)

    def _record(self, to: str, text: str, key: str, size: int, sid: str, callback: str) -> None:
        self.server.journal.write(destination=to, key=key, subject="", body=text.encode(), size=size, sid=sid, callback=callback)

    def _created(self, to: str, text: str, sender: dict[str, str | None], sid: str, **differing: object) -> None:
        now = format_datetime(datetime.now(UTC))
        uri = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json"
        created = {
            "account_sid": ACCOUNT_SID, "api_version": "2010-04-01", "body": text, "date_created": now, "date_sent": None,
            "date_updated": now, "direction": "outbound-api", "error_code": None, "error_message": None, **sender,
            "num_media": "0", "num_segments": "1", "price": None, "price_unit": "USD", "sid": sid,
            "status": "queued", "subresource_uris": {"media": uri.replace(".json", "/Media.json")}, "to": to, "uri": uri,
            **differing,
        }  # fmt: skip
        self.answer(201, json.dumps(created).encode(), "application/json")

    def _refuse(self, status: int, code: int, message: str, **headers: str) -> None:
        error = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
        self.answer(status, json.dumps(error).encode(), "application/json", **headers)


def serve(journal: Journal, port: int = 0) -> Server:
    """Start it."""
    return Server(_Messages, journal, port)
