"""The FAX channel: a machine that says what it is told to say."""

from notifications.channels.base.contract import DeliveryError, Envelope, Failure, Receipt
from notifications.channels.base.facts import Facts
from notifications.failures import Reason
from notifications.states import MessageType
from notifications.text.numbers import e164


class FaxChannel(Facts):
    """A fax machine in a test."""

    type = MessageType("FAX")
    one, many, icon, destination_name = "a fax", "es", "printer", "fax number"
    for_people, contact, by_number = True, "mobile_phone", True
    longest = 5_000
    spelled = staticmethod(e164)
    width, permits, ahead, inline = 1, 1, 60.0, False
    answers: list[Failure | None] = []  # the next ones; None: it was taken
    sent: list[Envelope] = []

    @classmethod
    def from_settings(cls) -> "FaxChannel":
        return cls()

    def lane(self, destination: str) -> str:
        return "machine"

    def ready(self) -> None:
        """It needs no setting."""

    def check(self, envelope: Envelope) -> None:
        try:
            e164(envelope.destination)
        except ValueError as error:
            raise DeliveryError(Reason.UNDEFINED_DESTINATION, str(error), kind=Failure.NEVER) from error

    def send(self, envelope: Envelope) -> Receipt:
        self.sent.append(envelope)
        if kind := self.answers.pop(0):
            raise DeliveryError(Reason.MESSAGING_EXCEPTION, "The line is busy.", kind=kind)
        return Receipt(detail="Printed.")

    def close(self) -> None:
        """Nothing is kept open."""
