"""The audit trail: who did what, when, to what."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from notifications.secrets.sealed import new_key, opened_under, seal_under

REFUSAL = "entries of the audit trail are never changed or deleted"


class AuditAction(models.TextChoices):
    """Audited actions. What an action was applied to is the entry's target."""

    SIGNED_IN = "SIGNED_IN", "Signed in"
    SIGN_IN_FAILED = "SIGN_IN_FAILED", "Sign-in failed"
    SIGN_IN_LOCKED = "SIGN_IN_LOCKED", "Sign-in locked"
    SIGN_IN_ALARM = "SIGN_IN_ALARM", "Many wrong passwords"
    PASSWORD_WRONG = "PASSWORD_WRONG", "Wrong current password"
    SIGNED_OUT = "SIGNED_OUT", "Signed out"
    SESSION_ENDED = "SESSION_ENDED", "Ended sessions"
    CODE_WRONG = "CODE_WRONG", "Wrong code"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED", "Used a recovery code"
    RECOVERY_CODES_NEW = "RECOVERY_CODES_NEW", "Created recovery codes"
    FACTOR_ADDED = "FACTOR_ADDED", "Added a second factor"
    FACTOR_REMOVED = "FACTOR_REMOVED", "Removed a second factor"
    FACTOR_RESET = "FACTOR_RESET", "Reset the second factor"
    PASSWORD_CHANGED = "PASSWORD_CHANGED", "Changed the password"
    PASSWORD_FORGOTTEN = "PASSWORD_FORGOTTEN", "Asked for a new password"
    INVITED = "INVITED", "Invited"
    LINK_SENT = "LINK_SENT", "Sent a link for a new password"
    BREAK_GLASS = "BREAK_GLASS", "Used an emergency sign-in"
    COMPANY_LINKED = "COMPANY_LINKED", "Linked a company account"
    COMPANY_UNLINKED = "COMPANY_UNLINKED", "Unlinked a company account"
    COMPANY_REFUSED = "COMPANY_REFUSED", "Company sign-in refused"
    DENIED = "DENIED", "Access denied"
    CREATED = "CREATED", "Created"
    CHANGED = "CHANGED", "Changed"
    DELETED = "DELETED", "Deleted"
    ACTIVATED = "ACTIVATED", "Activated"
    DEACTIVATED = "DEACTIVATED", "Deactivated"
    REORDERED = "REORDERED", "Changed the order"
    SENT = "SENT", "Sent a message"
    RESENT = "RESENT", "Resent"
    EXPORTED = "EXPORTED", "Exported"
    REVEALED = "REVEALED", "Revealed a message"
    ERASED = "ERASED", "Erasure"


# What Commlog does by itself: circuits that open and close, receivers that are gone. Old entries are told
# from others by this too.
BY_ITSELF = Q(actor__isnull=True, actor_name="", action=AuditAction.CHANGED)


class Words(NamedTuple):
    """An entry's content: the name of its target, and the changed values."""

    target_label: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditEntries(models.QuerySet["AuditEntry"]):
    """Entries can be read and added, not changed. `legs`: see commlog.kit.paging, an index each."""

    legs: tuple[Q, ...] = ()

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone.legs = self.legs
        return clone

    def of_any(self, legs: Sequence[Q]) -> Self:
        """Return the entries that meet at least one of the conditions."""
        either = Q()
        for leg in legs:
            either |= leg
        found = self.filter(either)
        found.legs = tuple(legs) if len(legs) > 1 else ()
        return found

    def write(
        self,
        *,
        target_label: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> "AuditEntry":
        """Store an entry, its content sealed under a key of its own."""
        if not target_label and before is None and after is None:
            return self.create(**fields)
        key, said = new_key(), json.dumps([target_label, before, after], cls=DjangoJSONEncoder)
        with transaction.atomic(self.db, savepoint=False):
            entry = self.create(**fields, words=seal_under(key, said))
            AuditKey.objects.using(self.db).create(entry=entry, key=key)
        return entry

    def update(self, **_: Any) -> NoReturn:
        raise TypeError(REFUSAL)

    def delete(self) -> NoReturn:
        raise TypeError(REFUSAL)


class AuditEntry(models.Model):
    """One action. Names are copied, so that an entry stays readable after actor and target are renamed.

    `words` is its content, sealed under its AuditKey: an entry is never changed, and a person named in it can
    still be erased, by deleting the key. List entries with select_related("key").
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    actor_name = models.CharField(max_length=320, blank=True)
    action = models.CharField(max_length=20, choices=AuditAction.choices)
    target_kind = models.CharField(max_length=40, blank=True)
    target_key = models.CharField(max_length=64, blank=True)
    words = models.TextField(default="")
    address = models.GenericIPAddressField(null=True)

    objects: ClassVar[models.Manager["AuditEntry"]] = AuditEntries.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["actor", "id"], name="audit_actor"),
            models.Index(fields=["action", "id"], name="audit_action"),
            models.Index(fields=["target_kind", "target_key", "id"], name="audit_target"),
            models.Index(
                fields=["actor_name", "id"],
                name="audit_program",
                condition=Q(actor__isnull=True) & ~Q(actor_name=""),
            ),
            models.Index(fields=["id"], name="audit_people", condition=~BY_ITSELF),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raise for an entry that is already stored."""
        if not self._state.adding:
            raise TypeError(REFUSAL)
        super().save(*args, **(kwargs | {"force_insert": True}))

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(REFUSAL)

    @cached_property
    def said(self) -> Words:
        """Return its content; empty after an erasure."""
        try:
            return Words(*json.loads(opened_under(self.key.key, self.words))) if self.words else Words()
        except ObjectDoesNotExist:
            return Words()

    @property
    def is_erased(self) -> bool:
        """Whether its content named a person who was erased."""
        return bool(self.words) and not hasattr(self, "key")

    @property
    def target_label(self) -> str:
        return self.said.target_label

    @property
    def before(self) -> dict[str, Any] | None:
        return self.said.before

    @property
    def after(self) -> dict[str, Any] | None:
        return self.said.after

    @property
    def automatic(self) -> bool:
        """Whether Commlog did it; its alarms and erasures are listed with people's actions, though."""
        return (
            self.actor_id is None
            and not self.actor_name
            and self.action in (AuditAction.CHANGED, AuditAction.ERASED, AuditAction.SIGN_IN_ALARM)
        )


class AuditKey(models.Model):
    """The key of an entry's content. An erasure deletes the keys of entries that name the person."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.CASCADE, primary_key=True, related_name="key")
    key = models.CharField(max_length=44)
