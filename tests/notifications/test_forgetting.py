"""What is known of where words are kept agrees with the tables that there are."""

import pytest

from notifications.content import COLUMNS, FACTS
from notifications.forgetting import words
from notifications.forgetting.rows import dependents


def test_a_new_field_of_a_message_is_words_or_a_fact() -> None:
    facts = {COLUMNS[name] for name in FACTS}
    assert set(words.EMPTIED) | facts == set(COLUMNS.values())


@pytest.mark.parametrize(
    ("model", "goes_on"),
    [("Attempt", False), ("DeliveryReceipt", False), ("IncidentNotice", False), ("JobItem", False)],
)
def test_what_stands_on_a_message_is_known(model: str, goes_on: bool) -> None:
    assert (model, goes_on) in {(each.__name__, nullable) for each, _, nullable in dependents()}
