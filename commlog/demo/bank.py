"""The demo's core banking system: the templates that the bank has written, and the events that it tells of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random
from urllib.parse import urlsplit

from commlog.demo import texts
from commlog.demo.texts import BANK, Wording
from notifications.channels.webhook import new_secret
from notifications.events import EVENTS, Happening
from notifications.models import Group, NotificationTemplate
from notifications.models.template import SubscriptionOption, Target, Trigger
from notifications.outbox import Draft
from notifications.secrets.sealed import seal
from notifications.states import MessageType

# By which way the bank wants it told: each of its templates waits for one of them.
WAY = "TRANSACTION_CHANNEL"
# What the texts call the facts, and the placeholders that say them.
_SAID = {
    "name": "{RECIPIENT_NAME}", "amount": "{AMOUNT}", "small": "{TRANSACTION_AMOUNT}", "balance": "{TOTAL_BALANCE}",
    "loan": "{ACCOUNT_ID}", "savings": "{ACCOUNT_NAME}", "code": "{CODE}", "count": "{NUMBER_OF_ACCOUNTS}", "day": "{EVENT_DATE}",
    "time": "{NOTES}", "due": "{PAYMENT_DUE_DATE}", "earlier": "{START_DATE}", "sender": "{USER_NAME}", "bank": BANK,
}  # fmt: skip
_BY_HAND = _SAID | {"amount": "the amount", "due": "the day that we agreed", "loan": "your loan"}
_PATHS = {
    "crm/contact-events": "CLIENT_ACTIVITY",
    "ledger/postings": "LOAN_REPAYMENT",
    "mobile-app/push": "SAVINGS_DEPOSIT",
    "fraud-scoring/transactions": "SAVINGS_WITHDRAWAL",
    "busy/credit-bureau/reports": "ACCOUNT_IN_ARREARS",
    "flaky/warehouse/ingest": "SAVINGS_DEPOSIT",
    "fail/401/partner/leads": "CLIENT_ACTIVITY",
    "fail/404/old-crm/hook": "CLIENT_ACTIVITY",
    "fail/500/insurer/policies": "LOAN_DISBURSEMENT",
    "fail/410/retired/loans": "LOAN_DISBURSEMENT",
    "silent/mobile-money/callback": "SAVINGS_WITHDRAWAL",
    "forgetful/tax-office/statements": "DEPOSIT_INTEREST_APPLIED",
    "archive/statements": "SAVINGS_ACCOUNT_ACTIVITY",
}
_TOPICS = {"loans.events": "LOAN_REPAYMENT", "deposits.events": "SAVINGS_DEPOSIT", "clients.events": "CLIENT_ACTIVITY"}
_PAYLOAD = (
    '{\n  "event": "{EVENT}",\n  "occurredAt": "{EVENT_DATE_TIME}",\n  "client": {"id": "{CLIENT_ID}", "encodedKey": "{CLIENT_KEY}"},\n'
    '  "account": {"id": "{ACCOUNT_ID}"},\n  "amount": {"value": "{TRANSACTION_AMOUNT}", "currency": "{CURRENCY}"}\n}'
)
_FOR_GROUPS = "REPAYMENT_REMINDER"  # what a group is told instead of what only clients are


def make_templates(receiver: str) -> None:
    """Write the bank's templates, unless that was done. `receiver`: the address of the stand-in that gets webhooks."""
    if not NotificationTemplate.objects.exists():
        NotificationTemplate.objects.bulk_create([*_letters(), *_by_hand(), *_web_hooks(receiver), *_streams(), *_silent()])


def told(draft: Draft, when: datetime, rng: Random) -> Draft | Happening:
    """The event that leads to such a message. A message by hand stays one, and names its template."""
    if draft.sender is not None:
        return replace(draft, template=_template_by_hand(draft))
    name, way = draft.event, draft.type.value
    if draft.type == MessageType.WEB_HOOK:
        way = urlsplit(draft.destination).path.lstrip("/")
        name = _PATHS[way]
    elif draft.type == MessageType.EVENT_STREAM:
        way = draft.destination
        name = _TOPICS[way]
    elif draft.group is not None and Target.GROUP not in EVENTS[name]:
        name = _FOR_GROUPS
    facts = {_SAID[fact].strip("{}"): text for fact, text in texts.facts(when, rng).items() if fact not in ("day", "bank")}
    data = facts | {WAY: way, "CURRENCY": "EUR"}
    return Happening(name, client=draft.client, group=draft.group, user=draft.user, data=data, occurred_at=when)


def _template(name: str, type: MessageType, event: str, target: Target, way: str, **fields: object) -> NotificationTemplate:
    conditions = [{"field": WAY, "operator": "EQUALS", "values": [way]}] if way else []
    return NotificationTemplate(name=name, type=type, event=event, target=target, conditions=conditions, **fields)


def _letters() -> Iterator[NotificationTemplate]:
    """Automatic e-mails and SMS: to clients, and to groups where the event can concern one."""
    for wording in texts.AUTOMATIC:
        name = f"{wording.event.replace('_', ' ').capitalize()} ({wording.channel.label})"
        for target in (Target.CLIENT, Target.GROUP):
            if target in EVENTS[wording.event]:
                called = name if target == Target.CLIENT else f"{name[:-1]}, groups)"
                yield _template(called, wording.channel, wording.event, target, wording.channel.value, **_content(wording, _SAID))
    end_of_day = texts.TO_STAFF
    yield _template("End of day", end_of_day.channel, end_of_day.event, Target.USER, "", **_content(end_of_day, _SAID))


def _by_hand() -> Iterator[NotificationTemplate]:
    for wording in texts.MANUAL:
        for target in (Target.CLIENT, Target.GROUP):
            name = _name_by_hand(wording, target)
            yield _template(name, wording.channel, "", target, "", trigger=Trigger.MANUAL, **_content(wording, _BY_HAND))


def _name_by_hand(wording: Wording, target: Target) -> str:
    called = wording.subject or ("Branch closed" if "closed" in wording.body else "Please call back")
    return f"{called}, groups" if target == Target.GROUP else called


def _template_by_hand(draft: Draft) -> NotificationTemplate | None:
    for wording in texts.MANUAL:
        if wording.channel == draft.type and wording.body.split("}", 1)[1][:18] in draft.body:
            target = Target.GROUP if isinstance(draft.recipient, Group) else Target.CLIENT
            return NotificationTemplate.objects.filter(name=_name_by_hand(wording, target)).first()
    return None


def _content(wording: Wording, said: dict[str, str]) -> dict[str, object]:
    body = wording.body.format_map(said)
    html = texts.as_html(body) if wording.as_html else ""
    return {"subject": wording.subject.format_map(said), "text": body, "html": html}


def _web_hooks(receiver: str) -> Iterator[NotificationTemplate]:
    for path, event in _PATHS.items():
        target = Target.CLIENT if Target.CLIENT in EVENTS[event] else EVENTS[event][0]
        url = f"http://127.0.0.1:9/{path}" if path.startswith("archive") else f"{receiver}/{path}"  # at port 9 nobody listens
        signed_in = path.startswith("ledger")
        yield _template(
            f"Webhook: {path.split('/')[-2 if path.count('/') > 1 else 0].replace('-', ' ')} {path.split('/')[-1].replace('-', ' ')}",
            MessageType.WEB_HOOK,
            event,
            target,
            path,
            text=_PAYLOAD,
            destination=url,
            method="PUT" if path.startswith("crm") else "POST",
            content_type="application/json",
            headers={"X-Source": "core-banking"},
            auth_username="commlog" if signed_in else "",
            auth_password=seal("demo-ledger") if signed_in else "",
            signing_secret=seal(new_secret()),
        )


def _streams() -> Iterator[NotificationTemplate]:
    for topic, event in _TOPICS.items():
        target, kind = EVENTS[event][0], MessageType.EVENT_STREAM
        yield _template(f"Stream: {topic}", kind, event, target, topic, text=_PAYLOAD, destination=topic, content_type="application/json")


def _silent() -> Iterator[NotificationTemplate]:
    """Two that say why nothing was sent: one is switched off, one is for subscribers only."""
    said = {"subject": "We received {AMOUNT}", "text": "Dear {CLIENT_NAME}, we received {AMOUNT}."}
    yield _template("Loan repayment, the old letter", MessageType.EMAIL, "LOAN_REPAYMENT", Target.CLIENT, "", active=False, **said)
    said |= {"subscription": SubscriptionOption.OPT_IN}
    yield _template("Loan repayment, copy for the file", MessageType.EMAIL, "LOAN_REPAYMENT", Target.CLIENT, "", **said)
