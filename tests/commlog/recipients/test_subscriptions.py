"""The tab Subscriptions of clients and groups."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry
from notifications import events
from notifications.events import Happening
from notifications.models import Subscription
from tests.factories import make_client, make_group, make_template, officer, viewer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rows", [1, 3])
def test_the_tab_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana = make_client()
    for _ in range(rows):
        Subscription.objects.create(template=make_template(), client=ana, subscribed=True)
    pages.get(f"/clients/{ana.key.hex}/subscriptions/")
    with django_assert_num_queries(11):
        answer = pages.get(f"/clients/{ana.key.hex}/subscriptions/")
    assert len(answer.context["choices"]) == rows


def test_a_client_is_unsubscribed_and_hears_no_more(pages: Client) -> None:
    template, ana = make_template(name="Paid"), make_client()
    make_template(event="GROUP_CREATED", target="GROUP")
    tab = f"/clients/{ana.key.hex}/subscriptions/"
    assert [choice.template for choice in pages.get(tab).context["choices"]] == [template]
    for _ in range(2):
        assert pages.post(f"{tab}{template.key.hex}/", {"subscribed": "0"})["Location"] == tab
    assert events.raise_one(Happening("LOAN_REPAYMENT", client=ana)).messages == []
    assert AuditEntry.objects.get(target_kind="client").after == {"subscribed to Paid": False}
    assert "Not subscribed" in pages.get(tab).content.decode()
    pages.post(f"{tab}{template.key.hex}/", {"subscribed": "1"})
    assert len(events.raise_one(Happening("LOAN_REPAYMENT", client=ana)).messages) == 1


def test_a_group_has_its_own_and_users_have_none(pages: Client) -> None:
    template, group = (
        make_template(event="GROUP_ACTIVITY", target="GROUP", subscription="OPT_IN"),
        make_group(),
    )
    pages.post(f"/groups/{group.key.hex}/subscriptions/{template.key.hex}/", {"subscribed": "1"})
    assert Subscription.objects.get().group == group
    assert "Subscriptions" not in pages.get(f"/users/{officer().key.hex}/").content.decode()
    other = make_template()
    assert (
        pages.post(f"/groups/{group.key.hex}/subscriptions/{other.key.hex}/", {"subscribed": "1"}).status_code
        == 404
    )


def test_who_may_not_edit_sees_no_buttons(client: Client) -> None:
    client.force_login(viewer())
    make_template()
    page = client.get(f"/clients/{make_client().key.hex}/subscriptions/").content.decode()
    assert "(default)" in page
    assert "Unsubscribe<" not in page
