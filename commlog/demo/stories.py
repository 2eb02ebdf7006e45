"""The demo's everyday messages: who gets what, over which channel, and where it goes."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from commlog.demo import texts
from commlog.demo.people import Cast
from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from commlog.models import User
from notifications.models import Client, Group
from notifications.outbox import Draft
from notifications.states import MessageType

_CHANNELS = (MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK, MessageType.EVENT_STREAM)
_SHARES = (44, 27, 19, 10)
_TOPICS = ("loans.events", "deposits.events", "clients.events")
# Of a hundred e-mails and short messages each: to clients whose contact data make trouble, to groups, written by hand.
_TROUBLED, _TO_GROUPS, _BY_HAND, _TO_STAFF = 9, 8, 9, 2
_HOOKS = ("crm/contact-events", "ledger/postings", "mobile-app/push", "fraud-scoring/transactions")
_BUSY_HOOK = "busy/credit-bureau/reports"
_TROUBLED_HOOKS = (
    "flaky/warehouse/ingest",
    _BUSY_HOOK,
    "fail/401/partner/leads",
    "fail/404/old-crm/hook",
    "fail/500/insurer/policies",
    "fail/410/retired/loans",
    "silent/mobile-money/callback",
    "forgetful/tax-office/statements",
)
_NOBODY_LISTENS = "http://127.0.0.1:9/archive/statements"


@dataclass(frozen=True, slots=True)
class Stories:
    """Makes drafts. `receiver` is the address of the stand-in that gets webhooks."""

    cast: Cast
    receiver: str
    rng: Random

    def any(self, when: datetime) -> Draft:
        """One of everything, as often as it comes in real life."""
        return self.over(self.rng.choices(_CHANNELS, _SHARES)[0], when)

    def over(self, channel: MessageType, when: datetime, *, steady: bool = False) -> Draft:
        """A message over this channel; `steady`: to somebody who can be reached."""
        if channel == MessageType.WEB_HOOK:
            return self._web_hook(when, steady)
        if channel == MessageType.EVENT_STREAM:
            return self._event(when)
        if channel == MessageType.EMAIL and not steady and self._chance(_TO_STAFF):
            return self._to_staff(when)
        return self._letter(channel, when, steady)

    def troubled(self, when: datetime) -> Draft:
        """A message that will be tried until no try is left."""
        channel = self.rng.choices(_CHANNELS[:3], _SHARES[:3])[0]
        busy = next((client for client in self.cast.troubled if conduct.of_address(client.email) is Conduct.BUSY), None)
        if channel == MessageType.WEB_HOOK or busy is None:
            return self.hook_to(_BUSY_HOOK, when)
        return self._letter_to(busy, channel, when)

    def _letter(self, channel: MessageType, when: datetime, steady: bool) -> Draft:
        recipient: Client | Group
        if not steady and self._chance(_TROUBLED):
            recipient = self.rng.choice(self.cast.troubled)
        elif self._chance(_TO_GROUPS):
            recipient = self.rng.choice(self.cast.groups)
        else:
            recipient = self.rng.choice(self.cast.steady)
        return self._letter_to(recipient, channel, when)

    def _letter_to(self, recipient: Client | Group, channel: MessageType, when: datetime) -> Draft:
        sender: User | None = None
        wordings = [each for each in texts.AUTOMATIC if each.channel == channel]
        if self._chance(_BY_HAND):
            sender = self.rng.choice(self.cast.officers())
            wordings = [each for each in texts.MANUAL if each.channel == channel]
        wording = self.rng.choices(wordings, [each.often for each in wordings])[0]
        name = recipient.name
        written = texts.write(wording, name=name, when=when, rng=self.rng, sender=sender.name if sender else "")
        return Draft(
            channel,
            subject=written.subject,
            body=written.body,
            html=written.html,
            event=written.event,
            client=recipient if isinstance(recipient, Client) else None,
            group=recipient if isinstance(recipient, Group) else None,
            sender=sender,
        )

    def _to_staff(self, when: datetime) -> Draft:
        user = self.rng.choice(self.cast.staff)
        written = texts.write(texts.TO_STAFF, name=user.name, when=when, rng=self.rng)
        return Draft(MessageType.EMAIL, subject=written.subject, body=written.body, user=user, event=written.event)

    def _web_hook(self, when: datetime, steady: bool) -> Draft:
        path = self.rng.choice(_HOOKS)
        if not steady and self._chance(2):
            return self.hook_to(_NOBODY_LISTENS, when)
        if not steady and self._chance(_TROUBLED):
            path = self.rng.choice(_TROUBLED_HOOKS)
        return self.hook_to(path, when)

    def hook_to(self, path: str, when: datetime, *, body: str = "") -> Draft:
        """A webhook to this path of the stand-in, or to another address."""
        client = self.rng.choice(self.cast.steady)
        written = texts.payload(client_id=client.client_id, client_key=client.key, when=when, rng=self.rng)
        signed_in = path.startswith("ledger")
        return Draft(
            MessageType.WEB_HOOK,
            destination=path if "://" in path else f"{self.receiver}/{path}",
            body=body or written.body,
            method="PUT" if path.startswith("crm") else "POST",
            content_type="application/json",
            headers={"X-Source": "core-banking"} if self._chance(40) else {},
            auth_username="commlog" if signed_in else "",
            auth_password="demo-ledger" if signed_in else "",
            client=client,
            event=written.event,
        )

    def _event(self, when: datetime) -> Draft:
        client = self.rng.choice(self.cast.steady)
        written = texts.payload(client_id=client.client_id, client_key=client.key, when=when, rng=self.rng)
        topic = self.rng.choice(_TOPICS)
        return Draft(
            MessageType.EVENT_STREAM,
            destination=topic,
            body=written.body,
            content_type="application/json",
            client=client,
            event=written.event,
        )

    def _chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent
