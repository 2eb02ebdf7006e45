"""Back-channel logout: sessions ended by the provider."""

from commlog.account import sessions
from commlog.company import people, tokens
from commlog.models import User, UserSession


def by_provider(token: object) -> int:
    """End all sessions of the logout token's user. Raises tokens.Wrong."""
    claims = tokens.of_logout(token)
    user = _whose(str(claims.get("sub") or ""), str(claims.get("sid") or ""))
    return sessions.end(user, by=None) if user else 0


def _whose(subject: str, sid: str) -> User | None:
    if subject:
        return people.user_of(subject)
    found = UserSession.objects.filter(company_session=sid).select_related("user").first()
    return found.user if found else None
