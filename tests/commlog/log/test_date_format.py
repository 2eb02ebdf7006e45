"""Days on pages and in date boxes, as ORGANISATION_DATE_FORMAT says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from notifications.states import MessageState
from tests.factories import make_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _format(settings: Any) -> None:
    settings.ORGANISATION_DATE_FORMAT = "dd.mm.yyyy"


@pytest.mark.parametrize("typed", ["03.02.2025", "2025-02-03"])
def test_a_day_of_the_bar(pages: Client, typed: str) -> None:
    inside = make_message(MessageState.SENT, now=datetime(2025, 2, 3, 12, tzinfo=UTC))
    make_message(MessageState.SENT, now=datetime(2025, 3, 2, 12, tzinfo=UTC))

    page = pages.get("/communications/", {"created_from": typed, "created_to": typed})

    assert [row.message for row in page.context["log"].rows] == [inside]
    assert 'value="03.02.2025"' in page.text
    assert "created_to=2025-02-03" in page.context["log"].address  # what is kept does not go by the setting
    assert 'title="03.02.2025 12:00:00' in page.text


@pytest.mark.parametrize("typed", ["03.02.2025", "2025-02-03"])
def test_a_day_of_more_conditions(pages: Client, typed: str) -> None:
    inside = make_message(now=datetime(2025, 2, 3, 12, tzinfo=UTC))
    make_message(now=datetime(2025, 3, 2, 12, tzinfo=UTC))

    page = pages.get("/communications/", {"f1": "created", "o1": "ON", "v1": typed})

    assert [row.message for row in page.context["log"].rows] == [inside]
    assert 'value="03.02.2025"' in page.text
    assert "c=created.on.2025-02-03" in page.context["log"].address


@pytest.mark.parametrize("typed", ["02/03/2025", "31.02.2025", "yesterday"])
def test_what_is_no_day_lists_nothing(pages: Client, typed: str) -> None:
    make_message()
    page = pages.get("/communications/", {"created_from": typed})
    assert not page.context["log"].rows
    assert "Enter a day between" in page.text
