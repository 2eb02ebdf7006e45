"""Everything is read while more arrives: by offset, by cursor, each message once and in order.

At full size: `python -m bench walks`.
"""

from collections.abc import Iterator
from random import Random

import pytest
from django.utils import timezone

from bench.walks import Reading, check
from commlog.demo import generator
from notifications.models import Message
from tests.factories import make_key
from tests.web_server import commlog

MESSAGES, ARRIVING = 2_000, 100


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    """Of a web server on the database of this test."""
    with commlog("--threads", "4", API_CALLS_A_MINUTE="0") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.django_db(transaction=True)
def test_each_message_is_read_once_and_in_order_while_others_arrive(address: str) -> None:
    generator.generate(MESSAGES, days=30, rng=Random(1), now=timezone.now())
    there = [key.hex for key in Message.objects.order_by("created_at", "pk").values_list("key", flat=True)]
    assert len(there) == MESSAGES
    check(Reading(address, make_key(), ARRIVING), there)
    assert Message.objects.count() == MESSAGES + ARRIVING
