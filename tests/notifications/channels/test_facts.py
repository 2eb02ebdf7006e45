"""What every channel has to say of itself, so that nobody else has to name it."""

import pytest

from notifications import channels
from notifications.channels import Medium
from notifications.content import COLUMNS
from notifications.models import Client, Group, NotificationTemplate
from notifications.states import MessageType


def test_every_type_has_its_class() -> None:
    assert [each.type for each in channels.ALL] == list(MessageType)


@pytest.mark.parametrize("channel", channels.ALL, ids=lambda channel: channel.type)
def test_a_channel_says_what_all_others_ask(channel: Medium) -> None:
    assert all((channel.noun(), channel.icon, channel.destination_name))
    assert channel.for_people == bool(channel.contact)
    assert all(hasattr(model, channel.contact or "pk") for model in (Client, Group))
    assert set(channel.fields) - COLUMNS.keys() == set()
    assert set(channel.fields) - {field.name for field in NotificationTemplate._meta.concrete_fields} == set()
    assert isinstance(channel.from_settings(), channel)
