"""Models of the back office."""

from commlog.models.access_record import AccessRecord
from commlog.models.api import ApiAnswer, ApiConsumer, ApiKey
from commlog.models.audit_entry import AuditEntry, AuditKey
from commlog.models.column_layout import ColumnLayout
from commlog.models.company_group import CompanyGroup
from commlog.models.counts import Tally, WrongPassword
from commlog.models.custom_view import CustomView, ViewPlace
from commlog.models.erasure import Erasure
from commlog.models.export_file import ExportFile, FileChunk
from commlog.models.job import Job, JobItem
from commlog.models.menu_item import MenuItem, MenuPlace
from commlog.models.retention import RetentionFile, RetentionObstacle, RetentionPeriod, RetentionRun
from commlog.models.user import User
from commlog.models.user_session import UserSession

__all__ = [
    "AccessRecord",
    "ApiAnswer",
    "ApiConsumer",
    "ApiKey",
    "AuditEntry",
    "AuditKey",
    "ColumnLayout",
    "CompanyGroup",
    "CustomView",
    "Erasure",
    "ExportFile",
    "FileChunk",
    "Job",
    "JobItem",
    "MenuItem",
    "MenuPlace",
    "RetentionFile",
    "RetentionObstacle",
    "RetentionPeriod",
    "RetentionRun",
    "Tally",
    "User",
    "UserSession",
    "ViewPlace",
    "WrongPassword",
]
