"""The rows of the back office."""

from commlog.models.api import ApiAnswer, ApiConsumer, ApiKey
from commlog.models.audit_entry import AuditEntry
from commlog.models.column_layout import ColumnLayout
from commlog.models.counts import Tally, WrongPassword
from commlog.models.custom_view import CustomView, ViewPlace
from commlog.models.export_file import ExportFile, FileChunk
from commlog.models.job import Job, JobItem
from commlog.models.menu_item import MenuItem, MenuPlace
from commlog.models.user import User
from commlog.models.user_session import UserSession

__all__ = [
    "ApiAnswer",
    "ApiConsumer",
    "ApiKey",
    "AuditEntry",
    "ColumnLayout",
    "CustomView",
    "ExportFile",
    "FileChunk",
    "Job",
    "JobItem",
    "MenuItem",
    "MenuPlace",
    "Tally",
    "User",
    "UserSession",
    "ViewPlace",
    "WrongPassword",
]
