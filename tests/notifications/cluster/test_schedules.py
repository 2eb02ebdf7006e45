"""Recurring tasks of the cluster."""

import pytest
from django.core.management import call_command
from django_q.models import Schedule

from notifications.delivery import secret_values

pytestmark = pytest.mark.django_db


def test_a_schedule_follows_its_function_and_keeps_its_times() -> None:
    schedule = Schedule.objects.get(name="wipe secret values")
    Schedule.objects.filter(pk=schedule.pk).update(func="notifications.moved.since", minutes=7)
    call_command("migrate", verbosity=0)
    schedule.refresh_from_db()
    assert (schedule.func, schedule.minutes) == (
        f"{secret_values.__name__}.{secret_values.sweep.__name__}",
        7,
    )
