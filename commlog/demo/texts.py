"""What the demo's messages say: a small savings bank's everyday letters, short messages, webhooks and stream events."""

import html
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from notifications.states import MessageType

BANK = "Harbourlight Savings"
_EMAIL, _SMS = MessageType.EMAIL, MessageType.SMS


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with {names} in it, and how often it is used relative to others."""

    event: str
    channel: MessageType
    body: str
    subject: str = ""
    often: int = 10
    as_html: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A text about something that happened at a certain moment."""

    event: str
    subject: str = ""
    body: str = ""
    html: str = ""


AUTOMATIC = (
    Wording(
        "REPAYMENT_REMINDER",
        _EMAIL,
        "Dear {name},\n\nthis is a reminder that the next instalment of your loan {loan} is due on {due}.\n\n"
        "Amount due: {amount}\nOutstanding balance: {balance}\n\nPlease see to it that your account holds enough on that day. "
        "If you have paid already, you need do nothing.\n\nKind regards\n{bank}",
        "Your instalment of {amount} is due on {due}",
        often=22,
        as_html=True,
    ),
    Wording(
        "LOAN_REPAYMENT",
        _EMAIL,
        "Dear {name},\n\nwe have received your payment of {amount} for loan {loan} on {day}. Thank you.\n\n"
        "Outstanding balance: {balance}\n\nKind regards\n{bank}",
        "We received your payment of {amount}",
        often=24,
    ),
    Wording(
        "ACCOUNT_IN_ARREARS",
        _EMAIL,
        "Dear {name},\n\nthe instalment of {amount} for your loan {loan} was due on {earlier} and has not reached us yet. "
        "Please pay it by {due}, or call us: together we will find a way.\n\nKind regards\n{bank}",
        "Your loan {loan} is in arrears",
        often=8,
        as_html=True,
    ),
    Wording(
        "SAVINGS_ACCOUNT_ACTIVITY",
        _EMAIL,
        "Dear {name},\n\nthe statement of your account {savings} for the month to {day} is ready.\n\nOpening balance: {balance}\n"
        "Money in: {amount}\nMoney out: {small}\n\nYou find it under Documents in the portal.\n\nKind regards\n{bank}",
        "Your account statement is ready",
        often=14,
        as_html=True,
    ),
    Wording(
        "LOAN_APPROVAL",
        _EMAIL,
        "Dear {name},\n\ngood news: your loan {loan} of {balance} has been approved. You will be paid out within two working days.\n\n"
        "Kind regards\n{bank}",
        "Your loan has been approved",
        often=4,
    ),
    Wording(
        "CLIENT_CREATED",
        _EMAIL,
        "Dear {name},\n\nwelcome to {bank}. Your client number is on every letter of ours; please have it ready when you call.",
        "Welcome to {bank}",
        often=3,
        as_html=True,
    ),
    Wording(
        "DEPOSIT_INTEREST_APPLIED",
        _EMAIL,
        "Dear {name},\n\nwe have credited interest of {small} to your account {savings} on {day}.\n\nKind regards\n{bank}",
        "Interest of {small} credited",
        often=5,
    ),
    Wording("PORTAL_ACTIVATED", _SMS, "{code} is your one-time code for {bank}, valid for 5 minutes. Tell it to nobody.", often=26),
    Wording("REPAYMENT_REMINDER", _SMS, "{bank}: your instalment of {amount} is due on {due}. Loan {loan}.", often=14),
    Wording("LOAN_REPAYMENT", _SMS, "{bank}: payment of {amount} received on {day}. Balance {balance}. Thank you!", often=12),
    Wording("SAVINGS_WITHDRAWAL", _SMS, "{bank}: {small} withdrawn from {savings} on {day} at {time}. Not you? Call us at once.", often=9),
    Wording("ACCOUNT_IN_ARREARS", _SMS, "{bank}: your instalment of {amount} was due on {earlier}. Please call +44 20 7946 0018.", often=4),
    Wording("LOAN_DISBURSEMENT", _SMS, "{bank}: {balance} from your loan {loan} has been paid out to {savings}.", often=3),
)  # fmt: skip
MANUAL = (
    Wording(
        "MANUAL",
        _EMAIL,
        "Dear {name},\n\nthank you for your call today. As agreed, the instalment of {amount} is moved to {due}; nothing else changes.\n\n"
        "Kind regards\n{sender}\n{bank}",
        "Your call today",
    ),
    Wording(
        "MANUAL",
        _EMAIL,
        "Dear {name},\n\nto go on with your application we still need a copy of your identity card and your last three payslips. "
        "You may bring them to the branch or upload them in the portal.\n\nKind regards\n{sender}\n{bank}",
        "Documents for your application",
    ),
    Wording("MANUAL", _SMS, "Hello {name}, the branch is closed on {due}. Shall we meet the day after, same time? {sender}, {bank}"),
    Wording("MANUAL", _SMS, "Hello {name}, I tried to reach you about loan {loan}. Please call me back. {sender}, {bank}"),
)
TO_STAFF = Wording(
    "END_OF_DAY_PROCESSING_COMPLETED",
    _EMAIL,
    "End-of-day processing for {day} has finished.\n\nAccounts processed: {count}\nInterest accrued: {balance}\nWarnings: none",
    "End of day {day} completed",
)
# Event, kind of account, whether an amount goes with it.
_BUSINESS = (
    ("LOAN_REPAYMENT", "loan", True),
    ("SAVINGS_DEPOSIT", "savings", True),
    ("SAVINGS_WITHDRAWAL", "savings", True),
    ("LOAN_DISBURSEMENT", "loan", True),
    ("CLIENT_ACTIVITY", "", False),
    ("PAYMENT_ORDER_ACTIVITY", "savings", True),
    ("CARDS_AUTHORISATION_HOLD_CREATED", "savings", True),
    ("ACCOUNT_IN_ARREARS", "loan", True),
)


def write(wording: Wording, *, name: str, when: datetime, rng: Random, sender: str = "") -> Written:
    """Fill a text in. `when` is in the organisation's time."""
    words = facts(when, rng) | {"name": name, "sender": sender, "bank": BANK}
    body = wording.body.format_map(words)
    return Written(wording.event, wording.subject.format_map(words), body, as_html(body) if wording.as_html else "")


def payload(*, client_id: str, client_key: UUID, when: datetime, rng: Random) -> Written:
    """The JSON of a webhook or a stream event."""
    event, account, with_amount = rng.choice(_BUSINESS)
    known = facts(when, rng)
    content: dict[str, Any] = {
        "event": event,
        "occurredAt": when.isoformat(timespec="seconds"),
        "client": {"id": client_id, "encodedKey": client_key.hex},
    }
    if account:
        content["account"] = {"id": known[account], "type": account.upper()}
    if with_amount:
        content["amount"] = {"value": f"{rng.randint(500, 250_000) / 100:.2f}", "currency": "EUR"}
    return Written(event, body=json.dumps(content, indent=2))


def turnover(rng: Random) -> str:
    """The lines of a long statement: five to a hundred thousand characters."""
    line = "\n{}  Card payment {:06}  €{}.{:02}"
    lines = (
        line.format(number + 1, rng.randrange(10**6), rng.randrange(1, 900), rng.randrange(100))
        for number in range(150 * 2 ** rng.randrange(6))
    )
    return "\n\nTurnover:" + "".join(lines)


def facts(when: datetime, rng: Random) -> dict[str, str]:
    """What the bank knows of a moment, by the names that the texts use."""
    return {
        "amount": f"€{rng.randint(2_500, 48_000) / 100:,.2f}",
        "small": f"€{rng.randint(150, 9_900) / 100:,.2f}",
        "balance": f"€{rng.randint(60_000, 1_450_000) / 100:,.2f}",
        "loan": f"LN-{rng.randint(100_000, 999_999)}",
        "savings": f"SV-{rng.randint(100_000, 999_999)}",
        "code": f"{rng.randint(0, 999_999):06}",
        "count": f"{rng.randint(3_800, 4_100):,}",
        "day": f"{when:%-d %B %Y}",
        "time": f"{when:%H:%M}",
        "due": f"{when + timedelta(days=rng.randint(2, 9)):%-d %B %Y}",
        "earlier": f"{when - timedelta(days=rng.randint(3, 20)):%-d %B %Y}",
    }


def as_html(body: str) -> str:
    """The text in the bank's HTML; placeholders stay as they are."""
    first, *others = (html.escape(part).replace("\n", "<br>") for part in body.split("\n\n"))
    paragraphs = "".join(f"<p>{part}</p>" for part in others)
    return f"<!doctype html><html lang=en><head><title>{BANK}</title></head><body><h2>{BANK}</h2><p>{first}</p>{paragraphs}</body></html>"
