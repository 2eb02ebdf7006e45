"""Everything that knows django-q2: the broker, the supervisor, and whether due work progresses."""
