"""Two forms of one description: strict schemas state exactly what is accepted, plain ones are for people.

A plain object is a flat list of the fields of all alternatives. Of a list and an object the first alternative
is shown. Patterns, and null for optional fields, are left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from commlog.api.examples import EXAMPLES

Schema = dict[str, Any]
NOTHING: Schema = {"enum": [None, "", []]}  # what is as good as left out
PLAIN = "x-plain"  # within a strict schema: the plain one, where it does not follow by itself
_SCALARS = {"boolean", "integer", "number", "string"}
_STRICT_ALONE = {
    "pattern",
    "const",
    "anyOf",
    "allOf",
    "propertyNames",
    "maxProperties",
    "additionalProperties",
    "uniqueItems",
    "title",
}


def strict(described: Any) -> Any:
    """Return the description without its plain schemas."""
    if isinstance(described, dict):
        return {name: strict(value) for name, value in described.items() if name != PLAIN}
    return [strict(each) for each in described] if isinstance(described, list) else described


def plain(described: Any) -> Any:
    """Return the description with plain schemas and examples instead of the strict ones."""
    if isinstance(described, list):
        return [plain(each) for each in described]
    if not isinstance(described, dict):
        return described
    found = {name: plain(value) for name, value in described.items() if name not in ("schema", "schemas")}
    if "schema" in described:
        found["schema"] = shown(described["schema"])
    if "schemas" in described:
        found["schemas"] = {
            name: shown(schema) | _examples(name) for name, schema in described["schemas"].items()
        }
    return found


def shown(schema: Mapping[str, Any]) -> Schema:
    """Return the plain form of a strict schema."""
    found = {name: value for name, value in schema.items() if name not in {*_STRICT_ALONE, PLAIN}}
    if PLAIN in schema:
        return {**schema[PLAIN], **{name: found[name] for name in ("description",) if name in found}}
    if "anyOf" in schema:
        found = _of_several([shown(option) for option in schema["anyOf"] if option != NOTHING]) | found
    elif "const" in schema:
        found |= _constant(schema["const"])
    elif "enum" in schema or isinstance(found.get("type"), list):
        found["type"] = "string"
    if "properties" in schema:
        found["properties"] = {
            name: shown(value) for name, value in schema["properties"].items() if value != NOTHING
        }
    if found.get("type") == "array":
        found["items"] = shown(found.get("items", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = True
    return found


def _examples(name: str) -> Schema:
    return {"examples": [EXAMPLES[name]]} if name in EXAMPLES else {}


def _constant(value: Any) -> Schema:
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer"} if isinstance(value, int) else {"type": "string", "enum": [value]}


def _of_several(options: list[Schema]) -> Schema:
    """Merge objects into one; of other alternatives return the first."""
    return _together(options) if all("properties" in option for option in options) else options[0]


def _together(schemas: Iterable[Schema]) -> Schema:
    """Return one plain schema that covers all of them."""
    distinct: list[Schema] = []
    for each in schemas:
        if each not in distinct:
            distinct.append(each)
    if len(distinct) == 1:
        return distinct[0]
    types = {each.get("type", "") for each in distinct}
    if all("properties" in each for each in distinct):
        names = dict.fromkeys(name for each in distinct for name in each["properties"])
        fields = {
            name: _together(each["properties"][name] for each in distinct if name in each["properties"])
            for name in names
        }
        needed = [name for name in names if all(name in each.get("required", ()) for each in distinct)]
        return {"type": "object", "required": needed, "properties": fields}
    if types == {"array"}:
        return {"type": "array", "items": _together(each["items"] for each in distinct)}
    if all("enum" in each for each in distinct):
        return {
            "type": "string",
            "enum": list(dict.fromkeys(word for each in distinct for word in each["enum"])),
        }
    if len(types) == 1:
        return {"type": types.pop()}
    return {"type": "string"} if types <= _SCALARS else {}  # a number may be given as text as well
