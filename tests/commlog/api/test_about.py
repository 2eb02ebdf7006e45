"""What a message is about in the bank's core: taken, kept, answered and asked for."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client, make_message, make_template, set_up_channels

pytestmark = pytest.mark.django_db
SEND = "/api/communications/messages"
LOAN, DEPOSIT, REPAYMENT = UUID(int=1), UUID(int=2), UUID(int=3)
ABOUT = {
    "loanAccountKey": LOAN.hex,
    "depositAccountKey": DEPOSIT.hex,
    "repaymentKey": REPAYMENT.hex,
    "referenceId": "Invoice 7",
}
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    set_up_channels(settings)


def _found(program: Program, field: str, operator: str, value: str) -> list[str]:
    answer = program.post(f"{SEND}:search", [{"field": field, "operator": operator, "value": value}])
    assert answer.status_code == 200, answer.content
    return [each["encodedKey"] for each in answer.json()]


def test_it_is_kept_and_answered(program: Program) -> None:
    answer = program.post(SEND, EMAIL | ABOUT | {"loanAccountKey": str(LOAN).upper()})
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in ABOUT} == ABOUT
    stored = Message.objects.get()
    assert (stored.loan_account_key, stored.deposit_account_key, stored.repayment_key) == (
        LOAN,
        DEPOSIT,
        REPAYMENT,
    )
    assert stored.reference_id == "Invoice 7"
    assert {name: program.get(f"{SEND}/{stored.key.hex}").json()[name] for name in ABOUT} == ABOUT


def test_the_messages_of_an_event_keep_what_it_is_about(program: Program) -> None:
    make_template(text="About {LOAN_ACCOUNT_KEY}, {REFERENCE_ID}.")
    told = {"event": "LOAN_REPAYMENT", "clientId": make_client().client_id}
    named = told | ABOUT | {"loanAccountKey": str(LOAN), "eventKey": uuid4().hex, "data": {"amount": 1}}
    (key,) = program.post("/api/events", named).json()["messages"]
    answered = program.get(f"{SEND}/{key}").json()
    assert {name: answered[name] for name in ABOUT} == ABOUT
    assert answered["body"] == f"About {LOAN.hex}, Invoice 7."
    assert program.post("/api/events", named).json()["messages"] == [key]
    in_data = told | {"data": {"loanAccount": {"key": LOAN.hex}, "depositAccountKey": "LN-1"}}
    (key,) = program.post("/api/events", in_data).json()["messages"]
    answered = program.get(f"{SEND}/{key}").json()
    assert (answered["loanAccountKey"], "depositAccountKey" in answered) == (LOAN.hex, False)
    for wrong, said in (
        ({"repaymentKey": "x"}, "[0].repaymentKey: must be a key of 32 hexadecimal characters"),
        ({"referenceId": "x" * 201}, "[0].referenceId: has 201 characters, at most 200 are allowed"),
        (
            {"loanAccountKey": "0" * 32, "data": {"loanAccountKey": "1"}},
            "[0].data: contains LOAN_ACCOUNT_KEY twice",
        ),
    ):
        answer = program.post("/api/events", told | wrong)
        assert (answer.status_code, said) == (400, answer.json()["errors"][0]["errorSource"])


def test_without_it_nothing_of_it_is_answered(program: Program) -> None:
    answer = program.post(
        SEND, EMAIL | {"loanAccountKey": "", "depositAccountKey": None, "repaymentKey": [], "referenceId": ""}
    )
    assert answer.status_code == 201
    assert not {*ABOUT, "providerId"} & set(answer.json())


@pytest.mark.parametrize("field", ABOUT)
def test_it_is_asked_for(program: Program, field: str) -> None:
    made = program.post(SEND, EMAIL | ABOUT).json()["encodedKey"]
    other = program.post(SEND, EMAIL).json()["encodedKey"]
    assert _found(program, field, "EQUALS", ABOUT[field]) == [made]
    assert _found(program, field, "DIFFERENT_THAN", ABOUT[field]) == [other]


def test_a_resend_is_about_the_same(program: Program) -> None:
    failed = make_message(
        MessageState.FAILED,
        loan_account_key=LOAN,
        deposit_account_key=DEPOSIT,
        repayment_key=REPAYMENT,
        reference_id="R",
    )
    program.post(f"{SEND}:resend", [failed.key.hex])
    new = Message.objects.get(resend_of=failed)
    assert (new.loan_account_key, new.deposit_account_key, new.repayment_key, new.reference_id) == (
        LOAN,
        DEPOSIT,
        REPAYMENT,
        "R",
    )


def test_an_sms_without_a_reference_has_its_providers_number(program: Program) -> None:
    own = make_message(MessageState.SENT, MessageType.SMS, reference_id="Invoice 7", provider_id="SM1")
    numbered = make_message(MessageState.SENT, MessageType.SMS, provider_id="SM2")
    make_message(MessageState.SENT, provider_id="SM2")
    told = {key: program.get(f"{SEND}/{key}").json() for key in (own.key.hex, numbered.key.hex)}
    assert [(each["referenceId"], each["providerId"]) for each in told.values()] == [
        ("Invoice 7", "SM1"),
        ("SM2", "SM2"),
    ]
    assert _found(program, "referenceId", "EQUALS", "SM2") == [numbered.key.hex]
    assert _found(program, "referenceId", "EQUALS", "SM1") == []


def test_a_message_as_it_was_answered_can_be_sent(program: Program) -> None:
    """What only the sending decides is passed over: clients send the whole object that they know."""
    told = make_message(
        MessageState.FAILED, event="MANUAL", failure_cause="550", loan_account_key=LOAN, client=make_client()
    )
    answered = program.get(f"{SEND}/{told.key.hex}?detailsLevel=FULL").json()
    new = program.post(SEND, answered).json()
    assert new["encodedKey"] != told.key.hex
    assert (new["state"], new["numRetries"], new["loanAccountKey"]) == ("QUEUED", 0, LOAN.hex)
    assert not {"failureReason", "failureCause"} & set(new)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"loanAccountKey": "x"}, "loanAccountKey: must be a key of 32 hexadecimal characters"),
        ({"depositAccountKey": 5}, "depositAccountKey: must be a key of 32 hexadecimal characters"),
        ({"repaymentKey": ["0" * 32]}, "repaymentKey: must be a key of 32 hexadecimal characters"),
        ({"referenceId": "x" * 201}, "referenceId: has 201 characters, at most 200 are allowed"),
        ({"referenceId": "a\0b"}, "referenceId: contains a NUL character, which cannot be stored"),
    ],
)
def test_what_cannot_be_is_refused(program: Program, given: dict[str, Any], said: str) -> None:
    assert refusal(program.post(SEND, EMAIL | given)) == (400, 4, "INVALID_PARAMETERS", said)
    assert Message.objects.count() == 0


def test_what_a_page_asks_a_program_asks(program: Program) -> None:
    waiting = make_message(MessageState.WAITING, waiting_reason="READY_TO_BE_SENT", subject="Payment due")
    make_message(MessageState.QUEUED, subject="Other", content="Nothing")
    for field, operator, value in (
        ("waitingReason", "EQUALS", "READY_TO_BE_SENT"),
        ("subject", "EQUALS", "Payment due"),
        ("body", "CONTAINS", "your payment"),
        ("isResend", "EQUALS", "false"),
    ):
        assert waiting.key.hex in _found(program, field, operator, value)
    assert _found(program, "body", "CONTAINS", "your payment") == [waiting.key.hex]
