"""Failures of messages: the reasons, and what they mean to a clerk."""

from notifications.failures.reasons import CATALOGUE, Culprit, Explanation, Reason, explain

__all__ = ["CATALOGUE", "Culprit", "Explanation", "Reason", "explain"]
