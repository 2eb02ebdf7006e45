"""The one gate for text that comes from outside: what no database, mail or page can hold is refused, with the reason."""


class Malformed(ValueError):
    """A value that cannot be accepted: which field, and what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def clean(field: str, value: object, *, most: int | None = None) -> str:
    """`value` as it is, if it is text that can be stored. Raises Malformed for NUL, lone surrogates, and over `most` characters."""
    if not isinstance(value, str):
        raise Malformed(field, "must be text")
    if "\0" in value:
        raise Malformed(field, "holds a NUL character, which cannot be stored")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(field, f"holds half of a surrogate pair at position {error.start}, which is not a character") from error
    if most is not None and len(value) > most:
        raise Malformed(field, f"has {len(value):,} characters, at most {most:,} are allowed")
    return value
