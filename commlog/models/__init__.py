"""The rows of the back office."""

from commlog.models.menu_item import MenuItem
from commlog.models.user import User

__all__ = ["MenuItem", "User"]
