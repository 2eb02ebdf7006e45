"""Providers as in the tests of the domain."""

from tests.notifications.conftest import providers, quick_retries

__all__ = ["providers", "quick_retries"]
