"""The catalogue of placeholders for templates and their conditions. A new one is one line here."""

import re
from dataclasses import dataclass

from notifications.criteria import Field, Kind

OWN_FIELD = re.compile(r"CF:(?:(?:CLIENT|GROUP):)?[^:{}\x00-\x1f][^{}\x00-\x1f]{0,149}")
_MONEY, _TIME, _NUMBER = Kind.MONEY, Kind.DATE_TIME, Kind.NUMBER


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder: its name, its meaning and the kind of its value."""

    name: str
    label: str
    about: str  # the heading that lists show it under
    kind: Kind = Kind.STRING
    told: bool = False  # whether it comes with the event's data rather than from our own rows
    by_hand: bool = False  # whether messages that a person writes have it too

    @property
    def written(self) -> str:
        return f"{{{self.name}}}"


def _own(about: str, *rows: tuple[str, str]) -> list[Placeholder]:
    return [Placeholder(name, label, about, by_hand=True) for name, label in rows]


def _told(about: str, *rows: tuple[str, str] | tuple[str, str, Kind]) -> list[Placeholder]:
    return [
        Placeholder(row[0], row[1], about, row[2] if len(row) == 3 else Kind.STRING, told=True)
        for row in rows
    ]


PLACEHOLDERS: dict[str, Placeholder] = {
    each.name: each
    for each in (
        *_own(
            "Recipient",
            ("RECIPIENT_NAME", "Recipient’s name"),
            ("RECIPIENT_FIRST_NAMES", "First names"),
            ("RECIPIENT_LAST_NAME", "Last name"),
            ("RECIPIENT_ID", "ID"),
        ),
        *_own(
            "Client",
            ("CLIENT_NAME", "Client’s name"),
            ("CLIENT_FIRST_NAMES", "Client’s first names"),
            ("CLIENT_LAST_NAME", "Client’s last name"),
            ("CLIENT_ID", "Client’s ID"),
            ("CLIENT_KEY", "Client’s key"),
            ("CLIENT_EMAIL", "Client’s e-mail address"),
            ("CLIENT_MOBILE_PHONE", "Client’s mobile number"),
            ("CLIENT_STATE", "Client’s state"),
        ),
        *_own(
            "Group",
            ("GROUP_NAME", "Group’s name"),
            ("GROUP_ID", "Group’s ID"),
            ("GROUP_KEY", "Group’s key"),
            ("GROUP_EMAIL", "Group’s e-mail address"),
            ("GROUP_MOBILE_PHONE", "Group’s mobile number"),
        ),
        *_own(
            "People and time",
            ("CREDIT_OFFICER_NAME", "Credit officer’s name"),
            ("CREDIT_OFFICER_EMAIL", "Credit officer’s e-mail address"),
            ("USER_NAME", "User who caused or wrote it"),
            ("CURRENT_DATE", "Today’s date"),
            ("CURRENT_DATE_TIME", "Today’s date and time"),
        ),
        Placeholder("EVENT", "Event", "Event"),
        Placeholder("EVENT_KEY", "Event’s key", "Event"),
        Placeholder("EVENT_DATE_TIME", "Date and time of the event", "Event", _TIME),
        Placeholder("EVENT_DATE", "Date of the event", "Event", _TIME),
        *_told(
            "Event",
            ("ACTIVITY", "Action"),
            ("STATE", "State"),
            ("START_DATE", "Start date", _TIME),
            ("END_DATE", "End date", _TIME),
            ("NUMBER_OF_ACCOUNTS", "Number of accounts", _NUMBER),
            ("CODE", "Sign-in code"),
            ("LINK", "Link"),
            ("REASON", "Reason"),
            ("NOTES", "Notes"),
            ("REFERENCE_ID", "Reference"),
        ),
        *_told(
            "Account",
            ("ACCOUNT_ID", "Account’s ID"),
            ("ACCOUNT_KEY", "Account’s key"),
            ("LOAN_ACCOUNT_KEY", "Loan account’s key"),
            ("DEPOSIT_ACCOUNT_KEY", "Deposit account’s key"),
            ("ACCOUNT_NAME", "Account’s name"),
            ("ACCOUNT_TYPE", "Type of account"),
            ("ACCOUNT_STATE", "Account’s state"),
            ("PRODUCT_NAME", "Product"),
            ("CURRENCY", "Currency"),
            ("TOTAL_BALANCE", "Total balance", _MONEY),
            ("AVAILABLE_BALANCE", "Available balance", _MONEY),
            ("OPENING_BALANCE", "Opening balance", _MONEY),
            ("PRINCIPAL_BALANCE", "Principal balance", _MONEY),
            ("INTEREST_BALANCE", "Interest balance", _MONEY),
            ("FEES_BALANCE", "Fees balance", _MONEY),
            ("PENALTY_BALANCE", "Penalty balance", _MONEY),
            ("INTEREST_RATE", "Interest rate", _MONEY),
            ("MONEY_IN", "Money in", _MONEY),
            ("MONEY_OUT", "Money out", _MONEY),
        ),
        *_told(
            "Transaction",
            ("AMOUNT", "Amount", _MONEY),
            ("TRANSACTION_ID", "Transaction’s ID"),
            ("TRANSACTION_TYPE", "Type of transaction"),
            ("TRANSACTION_AMOUNT", "Transaction’s amount", _MONEY),
            ("TRANSACTION_DATE", "Transaction’s date", _TIME),
            ("TRANSACTION_CHANNEL", "Transaction’s channel"),
            ("FEE_AMOUNT", "Fee", _MONEY),
            ("PENALTY_AMOUNT", "Penalty", _MONEY),
            ("CARD_NUMBER", "Card, last digits"),
            ("MERCHANT_NAME", "Merchant"),
        ),
        *_told(
            "Repayment",
            ("AMOUNT_DUE", "Amount due", _MONEY),
            ("PAYMENT_DUE_DATE", "Due date", _TIME),
            ("REPAYMENT_AMOUNT", "Repaid amount", _MONEY),
            ("REPAYMENT_KEY", "Repayment’s key"),
            ("REPAYMENT_SCHEDULE", "Repayment schedule"),
            ("DAYS_IN_ARREARS", "Days in arrears", _NUMBER),
            ("LOAN_AMOUNT", "Loan amount", _MONEY),
        ),
        *_told(
            "Organisation",
            ("ORGANISATION_NAME", "Organisation’s name"),
            ("BRANCH_NAME", "Branch"),
            ("BRANCH_ADDRESS", "Branch’s address"),
            ("CENTRE_NAME", "Centre"),
            ("CLIENT_MIDDLE_NAMES", "Client’s middle names"),
            ("CLIENT_BIRTH_DATE", "Client’s date of birth", _TIME),
            ("CREDIT_ARRANGEMENT_ID", "Credit arrangement’s ID"),
            ("PAYMENT_ORDER_ID", "Payment order’s ID"),
        ),
    )
}


def is_known(name: str, *, by_hand: bool = False) -> bool:
    """Return whether there is such a placeholder. `by_hand`: in a message without an event."""
    if name.startswith("CF:"):
        return OWN_FIELD.fullmatch(name) is not None
    found = PLACEHOLDERS.get(name)
    return found is not None and (found.by_hand or not by_hand)


def offered(*, by_hand: bool = False) -> dict[str, list[Placeholder]]:
    """Return the placeholders by heading, as an editor lists them."""
    found: dict[str, list[Placeholder]] = {}
    for each in PLACEHOLDERS.values():
        if each.by_hand or not by_hand:
            found.setdefault(each.about, []).append(each)
    return found


def field_of(name: str) -> Field | None:
    """Return the placeholder as a field for conditions; None if there is no such placeholder."""
    if not is_known(name):
        return None
    found = PLACEHOLDERS.get(name)
    return Field(
        name,
        found.label if found else f"Custom field {name.removeprefix('CF:')}",
        found.kind if found else Kind.STRING,
    )
