"""Every field × every operator: the API answers as a plain reading of 100 random messages does, or refuses
with 2101.
"""

from typing import Any

import pytest
import time_machine

from notifications.criteria import BY_API_NAME, WITH_LIST, WITHOUT_VALUE, Field, Operator
from tests.commlog.api.conftest import Program, refusal
from tests.notifications.criteria.test_criteria import NOW, plainly, random_messages, samples

SEARCH = "/api/communications/messages:search?limit=1000"


def _criterion(field: Field, operator: Operator, values: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"field": field.api, "operator": operator.value}
    if operator in WITH_LIST:
        return found | {"values": values}
    return found | dict(zip(("value", "secondValue"), values, strict=False))


@pytest.mark.django_db
def test_every_operator_of_every_field(program: Program, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    settings.API_CALLS_A_MINUTE = settings.API_CALLS_A_MINUTE_IN_ALL = 0
    with time_machine.travel(NOW, tick=False):
        messages = random_messages(90)
        answered = refused = 0
        for field in BY_API_NAME.values():
            for operator in Operator:
                every = [[]] if operator in WITHOUT_VALUE else samples(field, operator, messages)
                if operator not in field.operators:
                    refused += 1
                    if refused % 3:  # all are refused by one table; every third call asks it
                        continue
                    assert refusal(program.post(SEARCH, [_criterion(field, operator, every[0])]))[:2] == (
                        400,
                        2101,
                    ), (field.api, operator)
                    continue
                for values in every[-1:]:
                    found = program.post(SEARCH, [_criterion(field, operator, values)])
                    assert found.status_code == 200, (field.api, operator, values, found.content)
                    expected = {
                        message.key.hex
                        for message in messages
                        if plainly(field, operator, values, message, messages)
                    }
                    assert {message["encodedKey"] for message in found.json()} == expected, (
                        field.api,
                        operator,
                        values,
                    )
                answered += 1
    assert (len(messages), answered + refused) == (100, 37 * 28)
    assert answered == 277
