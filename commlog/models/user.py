"""Members of staff."""

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractUser, Group, Permission, UserManager
from django.db import models, transaction
from django.db.models import Func, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.dispatch import Signal

from notifications import channels
from notifications.database.cached_sql import CachedQuery
from notifications.models.folds import Folded, FoldField

ADMINISTRATOR = "Administrator"
NOT_READ = "?"
# Sent with `user`, in the transaction: the audit trail is written by what imports this module.
superuser_made = Signal()


def permission_to_send(channel: str) -> str:
    """Return the permission to write messages of a channel by hand."""
    return f"send_manual_{channel.lower()}"


class StaffManager(UserManager["User"]):
    """Makes `createsuperuser` create an Administrator."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> "User":
        """Create a superuser who also has the role Administrator."""
        with transaction.atomic():
            user = super().create_superuser(username, email, password, **extra)
            user.groups.add(Group.objects.get_or_create(name=ADMINISTRATOR)[0])
            superuser_made.send(sender=User, user=user)
        return user


class User(Folded, AbstractUser):
    """A member of staff. Roles are Django's groups, made of the permissions below."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name_fold = FoldField("first_name", "last_name")
    mobile_phone = models.CharField("mobile number", max_length=32, blank=True, default="")
    api_access = models.BooleanField("API access", default=False)
    # Somebody else knows the password: whoever set it. Pages open once the user has chosen one of their own.
    must_change_password = models.BooleanField(default=False, db_default=False)
    # By when a second factor must be set up, for whom a role asks for one; counted from the first sign-in.
    factor_due_at = models.DateTimeField(null=True, blank=True)

    # Own and roles', with spaces between; None if there are none.
    permission_names: str | None = NOT_READ
    reads_anew = False  # while an open page asks by itself (commlog.permissions.menu_of)

    objects: ClassVar[StaffManager] = StaffManager()

    class Meta:
        ordering = ["username"]
        indexes = [models.Index(fields=["name_fold"], name="user_by_fold")]
        # Mambu's permission names, in lower case; facts of the interface.
        permissions = [
            ("view_communication_history", "View communication history"),
            ("read_message_content", "Read message content"),
            ("reveal_messages", "Reveal messages"),
            ("resend_failed_messages", "Resend failed messages"),
            ("export_to_excel", "Export to Excel"),
            ("publish_views", "Publish views"),
            *(
                (permission_to_send(each), f"Send manual {channels.of(each).noun()}")
                for each in channels.FOR_PEOPLE
            ),
            ("send_events", "Send events"),
            ("read_streams", "Read streams"),
            ("manage_streams", "Manage streams"),
            ("create_communication_templates", "Create templates"),
            ("edit_communication_templates", "Edit templates"),
            ("view_client_details", "View clients"),
            ("create_client", "Create clients"),
            ("edit_client", "Edit clients"),
            ("view_group_details", "View groups"),
            ("create_group", "Create groups"),
            ("edit_group", "Edit groups"),
            ("view_user_details", "View users"),
            ("view_access_records", "View who has read messages"),
            ("view_administration_details", "View administration"),
            ("manage_administration", "Manage administration"),
            ("manage_retention", "Manage retention"),
            ("erase_people", "Erase people"),
        ]

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Return Django's permissions, own and roles', by one statement instead of two, or by none."""
        if obj is None and self.is_active and not self.is_superuser and not hasattr(self, "_perm_cache"):
            if self.permission_names is NOT_READ:
                ((self.permission_names,),) = _PERMISSIONS.tuples(self.pk)
            self._perm_cache = set((self.permission_names or "").split())  # where Django keeps them
        return super().get_all_permissions(obj)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Return whether the user has it. Called dozens of times a page, so without the authentication
        backends.
        """
        if obj is not None or self.is_superuser:
            return super().has_perm(perm, obj)
        held: set[str] | None = vars(self).get("_perm_cache")
        return self.is_active and perm in (self.get_all_permissions() if held is None else held)

    @property
    def name(self) -> str:
        """Full name, or the user name if there is none."""
        return self.get_full_name() or self.username


class _JoinedBySpaces(Func):
    """All values as one text."""

    function, arity = "STRING_AGG", 2
    output_field = models.TextField()

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, Value(" "))

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **extra)


def _permissions_of(user: int) -> QuerySet[Permission, tuple[str]]:
    """Return one row: the names of all permissions of a user, own and roles'."""
    held = Q(user=user) | Q(group__user=user)
    one_each = Permission.objects.filter(pk__in=Permission.objects.filter(held).order_by().values("pk"))
    name = Concat("content_type__app_label", Value("."), "codename")
    return one_each.order_by().values_list(_JoinedBySpaces(name))


_PERMISSIONS = CachedQuery(_permissions_of)
WITH_PERMISSIONS = CachedQuery(
    lambda pk: User.objects.filter(pk=pk).annotate(permission_names=Subquery(_permissions_of(pk)))  # type: ignore[no-redef]
)
