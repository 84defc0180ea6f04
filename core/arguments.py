"""Checks a job's arguments by name against the JSON Schema that workers announced for the task.

It knows the keywords that pydantic writes for a function's parameters; what it does not know it lets pass, because the
worker checks again and a job must not be refused for a keyword of tomorrow. `pattern` is left to the worker too: a bad
one run on a caller's text could hold the whole gateway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

MOST_PROBLEMS = 20
DEPTH = 32
ARTICLES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def problems_of(arguments: Mapping[str, Any], schema: Schema) -> dict[str, str]:
    """Return what is wrong, from the argument's name (dots lead inside) to what it must be; empty if all is well."""
    found: dict[str, str] = {}
    for path, text in _check(dict(arguments), schema, schema, "", 0):
        found.setdefault(path or "data", text)
        if len(found) >= MOST_PROBLEMS:
            break
    return found


def _check(value: Any, schema: Any, root: Schema, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, Mapping) or depth > DEPTH:
        if schema is False:
            yield path, "must not be there"
        return
    if "$ref" in schema:
        yield from _check(value, _resolved(schema["$ref"], root), root, path, depth + 1)
    for choices in (schema.get("anyOf"), schema.get("oneOf")):
        if choices:
            yield from _check_choice(value, choices, root, path, depth)
    for part in schema.get("allOf", ()):
        yield from _check(value, part, root, path, depth + 1)
    if "const" in schema and not _same(value, schema["const"]):
        yield path, f"must be {schema['const']!r}"
        return
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"]):
        yield path, f"must be one of {', '.join(map(str, schema['enum'][:20]))}"
        return
    kinds = schema.get("type")
    if kinds is not None:
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if not any(_is(value, kind) for kind in kinds):
            yield path, f"must be {' or '.join(ARTICLES.get(kind, kind) for kind in kinds)}, not {_name(value)}"
            return
    if isinstance(value, dict):
        yield from _check_object(value, schema, root, path, depth)
    elif isinstance(value, list):
        yield from _check_list(value, schema, root, path, depth)
    elif isinstance(value, str):
        yield from _check_text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(value, schema, path)


def _check_choice(value: Any, choices: list[Any], root: Schema, path: str, depth: int) -> Iterator[tuple[str, str]]:
    tries = [list(_check(value, choice, root, path, depth + 1)) for choice in choices]
    if any(not problems for problems in tries):
        return
    # What is wrong deep inside of one choice says more than that none fits.
    deepest = max(tries, key=lambda problems: max(len(where) for where, _ in problems))
    if any(where != path for where, _ in deepest):
        yield from deepest
    else:
        yield path, "; or ".join(dict.fromkeys(text for problems in tries for _, text in problems))


def _check_object(
    value: dict[str, Any], schema: Schema, root: Schema, path: str, depth: int
) -> Iterator[tuple[str, str]]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield _inside(path, name), "is missing; give it"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from _check(item, properties[name], root, _inside(path, name), depth + 1)
        elif others is False:
            known = ", ".join(sorted(properties)) or "none"
            yield _inside(path, name), f"is no argument here; known are {known}" if not path else "is not known here"
        else:
            yield from _check(item, others, root, _inside(path, name), depth + 1)


def _check_list(value: list[Any], schema: Schema, root: Schema, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if len(value) < schema.get("minItems", 0):
        yield path, f"must have {schema['minItems']} items or more"
    if len(value) > schema.get("maxItems", len(value)):
        yield path, f"must have {schema['maxItems']} items at most"
    first = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        of_item = first[index] if index < len(first) else schema.get("items", True)
        yield from _check(item, of_item, root, _inside(path, str(index)), depth + 1)


def _check_text(value: str, schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    if len(value) < schema.get("minLength", 0):
        yield path, f"must have {schema['minLength']} characters or more"
    if len(value) > schema.get("maxLength", len(value)):
        yield path, f"must have {schema['maxLength']} characters at most"


def _check_number(value: float, schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    if "minimum" in schema and value < schema["minimum"]:
        yield path, f"must be {schema['minimum']} or more"
    if "maximum" in schema and value > schema["maximum"]:
        yield path, f"must be {schema['maximum']} or less"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield path, f"must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield path, f"must be less than {schema['exclusiveMaximum']}"


def _resolved(reference: Any, root: Schema) -> Any:
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "null":
            return value is None
        case _:
            return True


def _name(value: Any) -> str:
    kinds = ("boolean", "integer", "number", "string", "array", "object", "null")
    return next((ARTICLES[kind] for kind in kinds if _is(value, kind)), type(value).__name__)


def _same(value: Any, other: Any) -> bool:
    # Python takes True for 1, JSON does not.
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
