"""The one gate for text that comes from outside: what no database, mail or page can hold is refused, with the reason."""

from notifications.faults import Fault, Malformed


def clean(field: str, value: object, *, most: int | None = None) -> str:
    """`value` as it is, if it is text that can be stored. Raises Malformed for NUL, lone surrogates, and over `most` characters."""
    if not isinstance(value, str):
        raise Malformed(field, Fault.NOT_TEXT)
    if "\0" in value:
        raise Malformed(field, Fault.HOLDS_NUL)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(field, Fault.HALF_OF_A_SURROGATE, position=error.start) from error
    if most is not None and len(value) > most:
        raise Malformed(field, Fault.TOO_LONG, count=len(value), most=most)
    return value
