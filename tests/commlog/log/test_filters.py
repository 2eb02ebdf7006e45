"""The filter bar is made from the table of fields: one word in a field's line puts it there."""

from dataclasses import replace

import pytest

from commlog.log.filters import MessageFilter
from notifications.criteria import FIELDS
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_message

pytestmark = pytest.mark.django_db
HERE = ["q", "job", "state", "type", "sender", "created", "created_from", "created_to"]


def _with(monkeypatch: pytest.MonkeyPatch, key: str) -> type[MessageFilter]:
    monkeypatch.setitem(FIELDS, key, replace(FIELDS[key], bar=key))

    class Wider(MessageFilter):
        """Made anew, now that the table has one more for the bar."""

    return Wider


def test_what_the_bar_asks() -> None:
    assert list(MessageFilter.base_filters) == HERE


@pytest.mark.parametrize(
    ("key", "given", "label"),
    [
        ("subject", {"subject": "due"}, "Subject"),
        ("text", {"text": "YOUR payment"}, "Message text"),
        ("attempts", {"attempts": "3"}, "Attempts"),
        ("undelivered", {"undelivered": "true"}, "Not yet delivered"),
        ("failure_reason", {"failure_reason": "MESSAGING_EXCEPTION"}, "Failure reason"),
    ],
)
def test_a_field_of_any_kind_can_be_put_there(
    monkeypatch: pytest.MonkeyPatch, key: str, given: dict[str, str], label: str
) -> None:
    wanted = make_message(MessageState.FAILED, attempt_count=3)
    make_message(MessageState.QUEUED, MessageType.SMS, content="Welcome")
    bar = _with(monkeypatch, key)(given, queryset=Message.objects.all())
    assert list(bar.qs) == [wanted]
    assert next(iter(bar.conditions())).label == label


@pytest.mark.parametrize(
    ("key", "value"), [("attempts", "x"), ("attempts", "9" * 5_000), ("key", "no key"), ("subject", "a\0b")]
)
def test_what_is_wrong_is_said_at_the_field(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    bar = _with(monkeypatch, key)({key: value}, queryset=Message.objects.all())
    assert not bar.is_valid()
    assert list(bar.form.errors) == [key]
