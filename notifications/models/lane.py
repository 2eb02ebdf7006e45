"""Lanes: what fails, slows down, is paused or limited together."""

from django.db import models

from notifications.states import MessageType


class Lane(models.Model):
    """A channel and the provider or destination host behind it. Made by the outbox when a first message needs it."""

    channel = models.CharField(max_length=16, choices=MessageType.choices)
    name = models.CharField(max_length=300)
    # How many messages of this lane may be claimed at once, over all workers and machines.
    cap = models.PositiveIntegerField(default=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "name"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.name}"
