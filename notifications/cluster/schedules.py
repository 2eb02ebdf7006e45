"""Recurring tasks of the cluster, as schedules of django-q2."""

from collections.abc import Callable, Mapping
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django_q.models import Schedule

_AN_HOUR = 60


def repeat(app: AppConfig, minutes: int, tasks: Mapping[str, Callable[[], Any]]) -> None:
    """Have the cluster run each task, by the name of its schedule, every `minutes` minutes (at most 60).

    The schedules are created after the app's migrations. An existing one keeps its times; its function
    follows the code, where it may have moved.
    """

    def create(**_: object) -> None:
        often = {"schedule_type": Schedule.MINUTES, "minutes": minutes}
        pace = {"schedule_type": Schedule.HOURLY} if minutes == _AN_HOUR else often
        for name, task in tasks.items():
            func = f"{task.__module__}.{task.__qualname__}"
            Schedule.objects.update_or_create(
                name=name, defaults={"func": func}, create_defaults={"func": func, **pace}
            )

    post_migrate.connect(create, sender=app, weak=False)
