"""Recipients of messages: clients, and groups of clients."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from notifications.models.folds import Folded, FoldField


class ClientState(models.TextChoices):
    """The state of a client. The names are Mambu's."""

    PENDING_APPROVAL = "PENDING_APPROVAL", "Waiting for approval"
    ACTIVE = "ACTIVE", "Active"
    REJECTED = "REJECTED", "Rejected"


class Client(Folded):
    """A person or company that the organisation serves."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    client_id = models.CharField("ID", max_length=32, unique=True)
    first_names = models.CharField(max_length=150)
    last_name = models.CharField(max_length=150, blank=True, default="")
    name_fold = FoldField("first_names", "last_name")
    email = models.CharField("e-mail", max_length=254, blank=True, default="")
    mobile_phone = models.CharField("mobile number", max_length=32, blank=True, default="")
    state = models.CharField(max_length=16, choices=ClientState.choices, default=ClientState.ACTIVE)
    credit_officer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    custom_fields = models.JSONField(default=dict, blank=True)  # ID -> text; templates say {CF:ID}
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["client_id"]
        indexes = [
            models.Index(fields=["last_name", "first_names", "id"], name="client_by_name"),
            models.Index(fields=["name_fold"], name="client_by_fold"),
            models.Index(fields=["created_at", "id"], name="client_by_age"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_names} {self.last_name}".strip()


class Group(Folded):
    """A group of clients, with contact data of its own. Not to be confused with a role."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    group_id = models.CharField("ID", max_length=32, unique=True)
    name = models.CharField(max_length=150)
    name_fold = FoldField("name")
    email = models.CharField("e-mail", max_length=254, blank=True, default="")
    mobile_phone = models.CharField("mobile number", max_length=32, blank=True, default="")
    members = models.ManyToManyField(Client, through="Membership", related_name="groups")
    credit_officer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    custom_fields = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["group_id"]
        indexes = [
            models.Index(fields=["name", "id"], name="group_by_name"),
            models.Index(fields=["name_fold"], name="group_by_fold"),
            models.Index(fields=["created_at", "id"], name="group_by_age"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A client's membership of a group."""

    group = models.ForeignKey(Group, on_delete=models.PROTECT)
    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    role = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "client"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.client} in {self.group}"
