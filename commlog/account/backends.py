"""The authentication backend: passwords as Django checks them, users with their permissions."""

from django.contrib.auth.backends import ModelBackend

from commlog.models import User
from commlog.models.user import WITH_PERMISSIONS


class StaffBackend(ModelBackend):
    """Django's backend. It reads the user of a session and the user's permissions in one statement."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, if the user may still sign in."""
        found = next(iter(WITH_PERMISSIONS.rows(user_id)), None)
        return found if found and self.user_can_authenticate(found) else None
