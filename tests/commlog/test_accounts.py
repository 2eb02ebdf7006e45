"""The log of an account."""

import json
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.log import reading
from commlog.log.places import Place
from commlog.models import CustomView, Job
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_message, make_resend, officer, outsider

pytestmark = pytest.mark.django_db
ACCOUNT = UUID("8a19b7057471f4af017472dc0fd80472")
PATH = f"/accounts/{ACCOUNT.hex}/communications/"


def _listed(response: Any) -> list[Message]:
    assert response.status_code == 200
    return [row.message for row in response.context["log"].rows]


def test_it_holds_what_is_about_the_account_and_nothing_else(pages: Client) -> None:
    loan, deposit = make_message(loan_account_key=ACCOUNT), make_message(deposit_account_key=ACCOUNT)
    both = make_message(loan_account_key=ACCOUNT, deposit_account_key=ACCOUNT)
    make_message(loan_account_key=UUID(int=1), repayment_key=ACCOUNT)
    make_message()
    assert _listed(pages.get(PATH)) == [both, deposit, loan]
    assert _listed(pages.get(f"/accounts/{str(ACCOUNT).upper()}/communications/?sort=created")) == [
        loan,
        deposit,
        both,
    ]


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_resend(
            make_message(MessageState.FAILED, loan_account_key=ACCOUNT),
            MessageState.SENT,
            loan_account_key=ACCOUNT,
        )
        make_message(MessageState.WAITING, deposit_account_key=ACCOUNT)
    pages.get(PATH)
    # As a tab of a client, with two queries for the ids besides the rows, and none for whom it is about.
    with django_assert_num_queries(14):
        pages.get(PATH)


def test_an_account_that_nobody_named_has_an_empty_log(pages: Client) -> None:
    make_message()
    shown = pages.get(PATH)
    assert "No messages about this account" in shown.text
    assert ACCOUNT.hex in shown.text


def test_it_takes_the_permission_to_read_messages_and_no_other(client: Client) -> None:
    user = outsider()
    client.force_login(user)
    assert client.get(PATH).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_communication_history"))
    assert client.get(PATH).status_code == 200


def test_a_message_leads_to_the_log_of_its_account_and_back(pages: Client) -> None:
    older = make_message(loan_account_key=ACCOUNT)
    message = make_message(
        loan_account_key=ACCOUNT,
        deposit_account_key=UUID(int=2),
        repayment_key=UUID(int=3),
        reference_id="Invoice <7>",
    )
    shown = pages.get(f"/communications/{message.key.hex}/", {"from": PATH})
    assert f'href="{PATH}"' in shown.text
    assert f'href="/accounts/{UUID(int=2).hex}/communications/"' in shown.text
    assert UUID(int=3).hex in shown.text
    assert "Invoice &lt;7&gt;" in shown.text
    assert f"/communications/{older.key.hex}/?from=" in shown.text


def test_its_columns_are_chosen_and_exported(pages: Client) -> None:
    make_message(
        loan_account_key=ACCOUNT,
        deposit_account_key=UUID(int=2),
        repayment_key=UUID(int=3),
        reference_id="Invoice 7",
    )
    columns = "columns=loan_account,deposit_account,repayment,reference"
    assert _listed(pages.get(f"/communications/?{columns}&sort=loan_account")) != []
    shown = pages.get(f"{PATH}?{columns}")
    assert f'<a href="{PATH}"><code>{ACCOUNT.hex}</code></a>' in shown.text
    assert "Invoice 7" in shown.text
    answer = pages.post(
        f"/communications/export/?{urlencode({'of': f'{PATH}?{columns}'})}", {"format": "csv"}
    )
    assert answer.status_code == 200
    head, row = b"".join(answer).decode("utf-8-sig").splitlines()[:2]
    assert head.startswith("Loan account,Deposit account,Repayment,Reference,")
    assert row.startswith(f"{ACCOUNT.hex},{UUID(int=2).hex},{UUID(int=3).hex},Invoice 7,")


def test_it_has_views_and_columns_of_its_own(pages: Client) -> None:
    made = pages.post(
        "/communications/views/new/",
        {"kind": "ACCOUNT", "next": f"{PATH}?state=FAILED", "name": "Failed here", "for_whom": "me"},
    )
    view = CustomView.objects.get(name="Failed here")
    assert (made.status_code, view.kind, view.conditions) == (302, "ACCOUNT", {"state": "FAILED"})
    failed = make_message(MessageState.FAILED, loan_account_key=ACCOUNT)
    make_message(loan_account_key=ACCOUNT)
    assert _listed(pages.get(f"{PATH}?view={view.key}")) == [failed]
    other = f"/accounts/{UUID(int=9).hex}/communications/"
    assert view.name in pages.get(other).text
    pages.post(
        "/communications/columns/",
        {
            "kind": "ACCOUNT",
            "next": PATH,
            "order": ["state", "loan_account"],
            "shown": ["state", "loan_account"],
        },
    )
    assert [column.key for column in pages.get(other).context["log"].table.catalogue] == [
        "state",
        "loan_account",
    ]


def test_a_job_about_it_knows_its_log(pages: Client) -> None:
    failed = make_message(MessageState.FAILED, loan_account_key=ACCOUNT)
    make_message(MessageState.FAILED)
    place, other = Place.at(f"{PATH}?state=FAILED"), officer(username="other")
    query = reading.of_address(f"{PATH}?state=FAILED", other).query
    assert list(place.scope(other)) == list(query.rows(other).messages) == [failed]
    assert (place.url, place.whose, query.bar) == (
        PATH,
        f"about the account {ACCOUNT.hex}",
        (("state", "FAILED"),),
    )
    assert Place.of(Job(log="ACCOUNT", whom=ACCOUNT)) == place


def test_the_search_box_finds_it_by_key_and_by_reference(pages: Client) -> None:
    about = make_message(loan_account_key=ACCOUNT, reference_id="Invoice 7", destination="x@example.org")
    repaid = make_message(repayment_key=ACCOUNT)
    make_message()
    assert _listed(pages.get("/communications/", {"q": str(ACCOUNT)})) == [repaid, about]
    assert _listed(pages.get("/communications/", {"q": "Invoice 7"})) == [about]


def test_the_command_and_its_file_name_accounts(tmp_path: Any) -> None:
    lines = tmp_path / "messages.jsonl"
    told = {
        "type": "EMAIL",
        "destination": "a@example.org",
        "subject": "s",
        "body": "b",
        "loanAccountKey": str(ACCOUNT),
        "referenceId": "R",
    }
    lines.write_text(json.dumps(told))
    call_command("enqueue", str(lines), stdout=StringIO())
    stored = Message.objects.get()
    assert (stored.loan_account_key, stored.reference_id) == (ACCOUNT, "R")
