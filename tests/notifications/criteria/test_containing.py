"""Text within text: the same answers as icontains, by a cheaper statement where PostgreSQL has one."""

import pytest
from django.db import connection

from notifications.criteria import contains
from notifications.models import Message
from tests.factories import make_message

pytestmark = pytest.mark.django_db
TEXTS = [
    "Payment due",
    "PAYMENT DUE",
    "Zoë paid 100%",
    "ZOË PAID 100 €",
    "a_b",
    "axb",
    "a\\b",
    "ÉTAT",
    "état",
    "الدفع مستحق",
    "paid 💶",
    "",
]
ASKED = [
    "payment",
    "DUE",
    "paid 100",
    "100%",
    "a_b",
    "a\\b",
    "%",
    "_",
    "état",
    "ÉTAT",
    "Zoë",
    "دفع",
    "💶",
    "'; --",
    " ",
]


@pytest.mark.parametrize("text", ASKED)
def test_it_finds_what_icontains_finds(text: str) -> None:
    for number, content in enumerate(TEXTS):
        make_message(content=content, recipient_name=TEXTS[-number - 1])
    for column in ("content", "recipient_name"):
        found = Message.objects.filter(contains(column, text)).order_by("pk").values_list(column, flat=True)
        assert list(found) == list(
            Message.objects.filter(**{f"{column}__icontains": text})
            .order_by("pk")
            .values_list(column, flat=True)
        )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the statement of PostgreSQL")
def test_plain_ascii_is_asked_in_binary_order() -> None:
    assert """UPPER("notifications_message"."content"::text COLLATE "C") LIKE %DUE%""" in str(
        Message.objects.filter(contains("content", "due")).query
    )
    assert "COLLATE" not in str(Message.objects.filter(contains("content", "dûe")).query)
