"""Notification templates: what is sent to whom for which event, and subscriptions to them."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q

from notifications import channels
from notifications.models.recipients import Client, Group
from notifications.secrets.sealed import SealedHeadersField, SealedTextField
from notifications.states import MessageType


class Trigger(models.TextChoices):
    """What creates messages from a template."""

    AUTOMATIC = "AUTOMATIC", "Automatic (event)"
    MANUAL = "MANUAL", "By staff, who can change the text"


class Target(models.TextChoices):
    """What a template is about. The names are Mambu's, except USER."""

    CLIENT = "CLIENT", "Clients"
    GROUP = "GROUP", "Groups"
    USER = "USER", "Users"
    LOANS = "LOANS", "Loan accounts"
    SAVINGS = "SAVINGS", "Savings accounts"
    BACKGROUND_PROCESS = "BACKGROUND_PROCESS", "End of day"
    DATA_ACCESS = "DATA_ACCESS", "Data access"
    PAYMENT_ORDER = "PAYMENT_ORDER", "Payment orders"
    ACCOUNTING = "ACCOUNTING", "Accounting"


class RecipientKind(models.TextChoices):
    """The recipient of a template's e-mail or SMS."""

    OWNER = "OWNER", "The client or group"
    CREDIT_OFFICER = "CREDIT_OFFICER", "The credit officer"
    GROUP_MEMBERS = "GROUP_MEMBERS", "Members of the group"


class SubscriptionOption(models.TextChoices):
    """The default subscription. The names are Mambu's."""

    OPT_OUT = "OPT_OUT", "Opt-out (everyone until they unsubscribe)"
    OPT_IN = "OPT_IN", "Opt-in (no one until they subscribe)"


class Templates(models.QuerySet["NotificationTemplate"]):
    """Queries for templates."""

    def known(self) -> "Templates":
        return self.filter(deleted_at=None)

    def manual(self, channel: MessageType, target: Target) -> "Templates":
        """Return the templates that a person may use for a message of this channel and kind of recipient."""
        return (
            self.known()
            .filter(trigger=Trigger.MANUAL, active=True, type=channel, target=target)
            .order_by("name")
        )


class NotificationTemplate(models.Model):
    """A text with placeholders. Messages copy it: changing one changes nothing sent."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=16, choices=MessageType.choices)
    active = models.BooleanField(default=True)
    in_use = models.BooleanField(default=False)  # a message of it exists

    # When, about whom, to whom.
    trigger = models.CharField(max_length=9, choices=Trigger.choices, default=Trigger.AUTOMATIC)
    target = models.CharField(max_length=20, choices=Target.choices, default=Target.CLIENT)
    recipient = models.CharField(max_length=16, choices=RecipientKind.choices, default=RecipientKind.OWNER)
    # Of GROUP_MEMBERS; none: all members.
    recipient_role = models.CharField(max_length=64, default="", blank=True)
    event = models.CharField(max_length=64, default="", blank=True)
    trigger_days = models.IntegerField(default=0)
    match_any = models.BooleanField(default=False)  # whether one condition that holds is enough
    conditions = models.JSONField(default=list, blank=True)  # of {"field", "operator", "values"}
    subscription = models.CharField(
        max_length=7, choices=SubscriptionOption.choices, default=SubscriptionOption.OPT_OUT
    )

    # What.
    subject = models.TextField(default="", blank=True)
    text = models.TextField(default="", blank=True)
    html = models.TextField(default="", blank=True)

    # Where to, where it is no person: a webhook's URL, a stream's topic.
    destination = models.TextField(default="", blank=True)
    method = models.CharField(max_length=5, default="", blank=True)
    content_type = models.CharField(max_length=40, default="", blank=True)
    headers = SealedHeadersField(default=dict, blank=True)
    auth_username = models.TextField(default="", blank=True)
    auth_password = SealedTextField(default="", blank=True)
    signing_secret = SealedTextField(default="", blank=True)
    # Signs too until receivers know the present one.
    previous_signing_secret = SealedTextField(default="", blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)  # the row stays: messages point at it

    objects = Templates.as_manager()

    class Meta:
        verbose_name = "template"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="template_name_once"),
            models.CheckConstraint(condition=Q(type__in=list(MessageType)), name="template_type_known"),
            models.CheckConstraint(
                condition=~Q(trigger=Trigger.AUTOMATIC) | ~Q(event=""), name="template_automatic_with_event"
            ),
        ]
        indexes = [
            models.Index(
                fields=["event"],
                name="template_event",
                condition=Q(deleted_at=None, trigger=Trigger.AUTOMATIC),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def channel(self) -> channels.Medium:
        return channels.of(self.type)

    @property
    def for_people(self) -> bool:
        """Whether it goes to somebody's address rather than to a URL or a topic."""
        return self.channel.for_people


class Subscription(models.Model):
    """A client's or a group's choice about a template. Without a row the template's option decides."""

    template = models.ForeignKey(NotificationTemplate, on_delete=models.PROTECT, related_name="subscriptions")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="subscriptions")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, related_name="subscriptions")
    subscribed = models.BooleanField()
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "client"],
                condition=Q(client__isnull=False),
                name="subscription_client_once",
            ),
            models.UniqueConstraint(
                fields=["template", "group"], condition=Q(group__isnull=False), name="subscription_group_once"
            ),
            models.CheckConstraint(
                condition=Q(client__isnull=False, group=None) | Q(client=None, group__isnull=False),
                name="subscription_of_one",
            ),
        ]

    def __str__(self) -> str:
        heard = "subscribed to" if self.subscribed else "unsubscribed from"
        return f"{self.client or self.group} {heard} {self.template}"
