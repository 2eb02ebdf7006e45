"""Why messages fail: the reasons, and what a failure means to a clerk."""

from notifications.failures.reasons import CATALOGUE, Culprit, Explanation, Reason, explain

__all__ = ["CATALOGUE", "Culprit", "Explanation", "Reason", "explain"]
