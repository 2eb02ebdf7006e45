"""What the demo's bank says: everyday letters, short messages, webhooks and events, as templates."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from random import Random

from notifications.channels.webhook import new_secret
from notifications.events import EVENTS, MANUAL
from notifications.models import NotificationTemplate
from notifications.models.template import SubscriptionOption, Target, Trigger
from notifications.secrets.sealed import seal
from notifications.states import MessageType

BANK = "Harbourlight Savings"
# By which way the bank wants it told: each of its templates waits for one of them.
WAY = "TRANSACTION_CHANNEL"
_EMAIL, _SMS = MessageType.EMAIL, MessageType.SMS
_HOOK, _STREAM = MessageType.WEB_HOOK, MessageType.EVENT_STREAM
# Placeholders that come from our own rows, or from the event itself: nobody tells them.
OURS = frozenset(
    {"RECIPIENT_NAME", "CLIENT_ID", "CLIENT_KEY", "USER_NAME", "EVENT", "EVENT_DATE", "EVENT_DATE_TIME"}
)
_PLACEHOLDER = re.compile(r"{([A-Z_]+)}")


@dataclass(frozen=True, slots=True)
class Wording:
    """A text, and how often it is used among all. `way`: a webhook's path or a stream's topic."""

    channel: MessageType
    event: str
    often: float
    text: str
    subject: str = ""
    way: str = ""
    as_html: bool = False

    def said(self, facts: "Facts") -> tuple[str, str, str]:
        """Subject, text and HTML about something that happened."""
        subject, text = _format(self.subject) % facts, _format(self.text) % facts
        return subject, text, as_html(text) if self.as_html else ""

    def name(self, target: Target) -> str:
        """Of its template for such recipients."""
        groups = ", groups" if target == Target.GROUP else ""
        if self.way:
            return f"{self.channel.label}: {self.way}"
        if self.event == MANUAL:
            return f"{self.subject or 'Please call back'}{groups}"
        return f"{self.event.replace('_', ' ').capitalize()} ({self.channel.label}{groups})"


class Facts(dict[str, str]):
    """What the bank knows of a moment, by placeholder. What nobody asks for is not made up."""

    def __init__(self, when: datetime, rng: Random, **known: str) -> None:
        super().__init__(known)
        self.when, self.rng = when, rng

    def __missing__(self, name: str) -> str:
        self[name] = _MADE_UP[name](self.when, self.rng)
        return self[name]


@cache
def _format(text: str) -> str:
    return _PLACEHOLDER.sub(r"%(\1)s", text.replace("%", "%%"))


def _money(least: int, most: int) -> Callable[[datetime, Random], str]:
    return lambda when, rng: f"€{rng.randint(least, most) / 100:,.2f}"


def _day(day: datetime) -> str:
    return f"{day.day} {day:%B %Y}"


_MADE_UP: dict[str, Callable[[datetime, Random], str]] = {
    "AMOUNT": _money(2_500, 48_000),
    "TRANSACTION_AMOUNT": _money(150, 9_900),
    "TOTAL_BALANCE": _money(60_000, 1_450_000),
    "ACCOUNT_ID": lambda when, rng: f"LN-{rng.randint(100_000, 999_999)}",
    "ACCOUNT_NAME": lambda when, rng: f"SV-{rng.randint(100_000, 999_999)}",
    "CODE": lambda when, rng: f"{rng.randrange(10**6):06}",
    "NOTES": lambda when, rng: f"{when:%H:%M}",
    "EVENT_DATE": lambda when, rng: _day(when),
    "EVENT_DATE_TIME": lambda when, rng: when.isoformat(timespec="seconds"),
    "PAYMENT_DUE_DATE": lambda when, rng: _day(when + timedelta(days=rng.randint(2, 9))),
    "START_DATE": lambda when, rng: _day(when - timedelta(days=rng.randint(3, 20))),
}
_DEAR, _REGARDS = "Dear {RECIPIENT_NAME},\n\n", f"\n\nKind regards\n{BANK}"
_PAYLOAD = (
    '{\n  "event": "{EVENT}",\n  "occurredAt": "{EVENT_DATE_TIME}",\n'
    '  "client": {"id": "{CLIENT_ID}", "encodedKey": "{CLIENT_KEY}"},\n  "account": {"id": "{ACCOUNT_ID}"},\n'
    '  "amount": {"value": "{TRANSACTION_AMOUNT}", "currency": "EUR"}\n}'
)


def _letter(event: str, often: float, subject: str, text: str, *, as_html: bool = False) -> Wording:
    return Wording(_EMAIL, event, often, _DEAR + text + _REGARDS, subject, as_html=as_html)


TO_STAFF = Wording(
    _EMAIL, "END_OF_DAY_PROCESSING_COMPLETED", 2,
    "End-of-day processing for {EVENT_DATE} has finished at {NOTES}.\n\nWarnings: none",
    "End of day {EVENT_DATE} completed",
)  # fmt: skip
WORDINGS = (
    _letter(
        "REPAYMENT_REMINDER", 22, "Your instalment of {AMOUNT} is due on {PAYMENT_DUE_DATE}",
        "this is a reminder that the next instalment of your loan {ACCOUNT_ID} is due on {PAYMENT_DUE_DATE}."
        "\n\nAmount due: {AMOUNT}\nOutstanding balance: {TOTAL_BALANCE}\n\nPlease see to it that your "
        "account holds enough on that day. If you have paid already, you need do nothing.", as_html=True,
    ),
    _letter(
        "LOAN_REPAYMENT", 24, "We received your payment of {AMOUNT}",
        "we have received your payment of {AMOUNT} for loan {ACCOUNT_ID} on {EVENT_DATE}. Thank you.\n\n"
        "Outstanding balance: {TOTAL_BALANCE}",
    ),
    _letter(
        "ACCOUNT_IN_ARREARS", 8, "Your loan {ACCOUNT_ID} is in arrears",
        "the instalment of {AMOUNT} for your loan {ACCOUNT_ID} was due on {START_DATE} and has not reached "
        "us yet. Please pay it by {PAYMENT_DUE_DATE}, or call us: together we will find a way.", as_html=True,
    ),
    _letter(
        "SAVINGS_ACCOUNT_ACTIVITY", 16, "Your account statement is ready",
        "the statement of your account {ACCOUNT_NAME} for the month to {EVENT_DATE} is ready.\n\n"
        "Opening balance: {TOTAL_BALANCE}\nMoney in: {AMOUNT}\nMoney out: {TRANSACTION_AMOUNT}\n\n"
        "You find it under Documents in the portal.", as_html=True,
    ),
    _letter(
        "DEPOSIT_INTEREST_APPLIED", 7, "Interest of {TRANSACTION_AMOUNT} credited",
        "we have credited interest of {TRANSACTION_AMOUNT} to your account {ACCOUNT_NAME} on {EVENT_DATE}.",
    ),
    TO_STAFF,
    Wording(
        _EMAIL, MANUAL, 6, _DEAR + "thank you for your call today. As agreed, your next instalment is moved "
        "by a week; nothing else changes.\n\nKind regards\n{USER_NAME}\n" + BANK, "Your call today",
    ),
    Wording(
        _SMS, MANUAL, 6, "Hello {RECIPIENT_NAME}, I tried to reach you about your loan. Please call me back. "
        "{USER_NAME}, " + BANK,
    ),
    *(
        Wording(_SMS, event, often, f"{BANK}: {text}")
        for event, often, text in (
            ("PORTAL_ACTIVATED", 18, "{CODE} is your one-time code, valid for 5 minutes. Tell it to nobody."),
            ("REPAYMENT_REMINDER", 12, "your instalment of {AMOUNT} is due on {PAYMENT_DUE_DATE}."),
            ("LOAN_REPAYMENT", 8, "payment of {AMOUNT} received. Balance {TOTAL_BALANCE}. Thank you!"),
            ("SAVINGS_WITHDRAWAL", 6, "{TRANSACTION_AMOUNT} withdrawn from {ACCOUNT_NAME} on {EVENT_DATE} at "
             "{NOTES}. Not you? Call us at once."),
        )
    ),
    *(
        Wording(_HOOK, event, often, _PAYLOAD, way=path)
        for path, event, often in (
            ("ledger/postings", "LOAN_REPAYMENT", 9),
            ("mobile-app/push", "SAVINGS_DEPOSIT", 12),
            ("fraud-scoring/transactions", "SAVINGS_WITHDRAWAL", 12),
            ("busy/credit-bureau/reports", "ACCOUNT_IN_ARREARS", 0.4),
            ("fail/404/old-crm/hook", "CLIENT_ACTIVITY", 0.3),
            ("silent/mobile-money/callback", "SAVINGS_WITHDRAWAL", 0.3),
            ("forgetful/tax-office/statements", "DEPOSIT_INTEREST_APPLIED", 0.5),
        )
    ),
    *(
        Wording(_STREAM, event, 7, _PAYLOAD, way=f"{topic}.events")
        for topic, event in (
            ("loans", "LOAN_REPAYMENT"), ("deposits", "SAVINGS_DEPOSIT"), ("clients", "CLIENT_ACTIVITY"),
        )
    ),
)  # fmt: skip


def destination(wording: Wording, receiver: str) -> str:
    """Where a webhook (at `receiver`) or a stream event goes; nothing for letters."""
    return f"{receiver}/{wording.way}" if wording.channel == _HOOK else wording.way


def targets(wording: Wording) -> list[Target]:
    """Whom its templates are about: people, or the client whom the event is about."""
    if wording.way:
        return [Target.CLIENT]
    possible = EVENTS.get(wording.event, (Target.CLIENT, Target.GROUP))
    return [target for target in (Target.CLIENT, Target.GROUP, Target.USER) if target in possible]


def make_templates(receiver: str) -> None:
    """A template for each wording and kind of recipient, and two that say why nothing is sent."""
    made = [_template(wording, target, receiver) for wording in WORDINGS for target in targets(wording)]
    letter = {
        "type": _EMAIL, "event": "LOAN_REPAYMENT", "subject": "We received {AMOUNT}",
        "text": "Dear {CLIENT_NAME}, we received {AMOUNT}.",
    }  # fmt: skip
    asked_for = {"name": "Loan repayment, copy for the file", "subscription": SubscriptionOption.OPT_IN}
    made.append(NotificationTemplate(name="Loan repayment, the old letter", active=False, **letter))
    made.append(NotificationTemplate(**asked_for, **letter))
    NotificationTemplate.objects.bulk_create(made)


def _template(wording: Wording, target: Target, receiver: str) -> NotificationTemplate:
    made = NotificationTemplate(
        name=wording.name(target), type=wording.channel, event=wording.event, target=target,
        subject=wording.subject, text=wording.text, html=as_html(wording.text) if wording.as_html else "",
        destination=destination(wording, receiver),
    )  # fmt: skip
    if wording.event == MANUAL:
        made.event, made.trigger = "", Trigger.MANUAL
    elif target != Target.USER:
        made.conditions = [
            {"field": WAY, "operator": "EQUALS", "values": [wording.way or wording.channel.value]}
        ]
    if wording.way:
        made.content_type = "application/json"
    if wording.channel == _HOOK:
        made.method, made.headers = "POST", {"X-Source": "core-banking"}
        made.signing_secret = seal(new_secret())
    if wording.way.startswith("ledger"):
        made.auth_username, made.auth_password = "commlog", seal("demo-ledger")
    return made


def turnover(rng: Random) -> str:
    """The lines of a long statement: five to a hundred thousand characters."""
    payments = (rng.randrange(10**6) for _ in range(150 * 2 ** rng.randrange(6)))
    return "".join(f"\nCard payment {number:06}  €{number % 90_000 / 100:.2f}" for number in payments)


def as_html(body: str) -> str:
    """The text in the bank's HTML; placeholders stay as they are."""
    first, *others = (html.escape(part).replace("\n", "<br>") for part in body.split("\n\n"))
    paragraphs = "".join(f"<p>{part}</p>" for part in others)
    head = f"<!doctype html><html lang=en><head><title>{BANK}</title></head>"
    return f"{head}<body><h2>{BANK}</h2><p>{first}</p>{paragraphs}</body></html>"
