"""What is known of where words and names are kept agrees with the tables that there are."""

import pytest
from django.apps import apps

from notifications.content import COLUMNS, FACTS
from notifications.forgetting import words
from notifications.forgetting.kept import PLACES
from notifications.forgetting.rows import dependents


def test_every_place_is_a_table_with_these_columns() -> None:
    tables = {
        model._meta.db_table: {field.column for field in model._meta.concrete_fields}
        for model in apps.get_models()
    }
    assert [place.table for place in PLACES if place.table not in tables] == []
    assert {
        place.table: missing for place in PLACES if (missing := set(place.columns) - tables[place.table])
    } == {}


def test_a_new_field_of_a_message_is_words_or_a_fact() -> None:
    facts = {COLUMNS[name] for name in FACTS}
    assert set(words.EMPTIED) | facts == set(COLUMNS.values())
    assert set(words.EMPTIED) <= set(PLACES[0].columns)


@pytest.mark.parametrize(
    ("model", "goes_on"),
    [("Attempt", False), ("DeliveryReceipt", False), ("IncidentNotice", False), ("JobItem", False)],
)
def test_what_stands_on_a_message_is_known(model: str, goes_on: bool) -> None:
    assert (model, goes_on) in {(each.__name__, nullable) for each, _, nullable in dependents()}
