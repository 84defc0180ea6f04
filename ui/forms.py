"""A form for a task's arguments, made from the JSON Schema that workers announced, and what was filled into it."""

from __future__ import annotations

import json
from typing import Any

from ui.model import Row
from ui.questions import Unfit, arguments_text

MOST_FIELDS = 30
OPTIONS = 60
CHECKS = 12
"""Lists of no more choices than these are boxes to tick."""
NOTHING = ""
"""The choice of an argument that is left out, so that the task's own default holds."""


def fields_of(schema: Row, known: Row | None = None) -> tuple[Row, ...] | None:
    """Return a field for each argument, filled with what is known; None if the schema says too little to make a form.

    Fields are named `data.<argument>`, as the gateway names what is wrong with one.
    """
    properties = schema.get("properties")
    if (
        not isinstance(properties, dict)
        or len(properties) > MOST_FIELDS
        or schema.get("additionalProperties") is not False
    ):
        return None
    required = set(schema.get("required") or ())
    # The database keeps no order of its own; that of the function's positions is known.
    positions = [name for name in schema.get("x-positions") or () if name in properties]
    names = dict.fromkeys([*positions, *properties])
    return tuple(
        _field(name, _resolved(properties[name], schema), name in required, (known or {}).get(name)) for name in names
    )


def whole(known: Row | None) -> tuple[Row, ...]:
    """Return one field for all arguments as JSON, for tasks whose parameters nobody knows."""
    return (
        {"kind": "area", "name": "data", "label": "Arguments (JSON object)", "value": arguments_text(known or {}) or "{}", "rows": 6, "hint": ""},
    )  # fmt: skip


def arguments_of(schema: Row, values: Row) -> Row:
    """Return the arguments by name; what was left empty is left out.

    Raises:
        Unfit: naming the field and what is wrong with it.
    """
    if fields_of(schema) is None:
        found = json_of(values.get("data"), "data")
        if not isinstance(found, dict):
            raise Unfit("data", 'Give an object such as {"month": "2026-10"}.')
        return found
    required = set(schema.get("required") or ())
    arguments: Row = {}
    for name, each in schema["properties"].items():
        value = values.get(f"data.{name}")
        told = _value(f"data.{name}", _resolved(each, schema), value)
        if told is not None:
            arguments[name] = told
        elif name in required:
            raise Unfit(f"data.{name}", "is needed")
    return arguments


def json_of(text: Any, name: str) -> Any:
    """Return what a field's JSON says, None of an empty one.

    Raises:
        Unfit: naming the field and where the mistake is.
    """
    try:
        return json.loads(str(text or "null"))
    except json.JSONDecodeError as error:
        raise Unfit(
            name, f"Line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise Unfit(name, f"This is no JSON: {error}.") from None


def _field(name: str, schema: Row, required: bool, known: Any) -> Row:
    kind = _kind(schema)
    default = "" if required or schema.get("default") is None else _shown(schema["default"])
    words = [_sentence(str(schema.get("description") or ""))]
    if default and kind not in {"enum", "boolean"}:
        words.append(f"By default {default[:80]}.")
    field = {
        "name": f"data.{name}",
        "label": _capital(name.replace("_", " ")) + ("" if required else " (optional)"),
        "hint": " ".join(word for word in words if word),
    }
    left_out = [[NOTHING, f"{_capital(default)} (default)" if default else "Left out"]]
    if name == "file" and kind == "string":
        return field | {"kind": "file", "value": str(known or ""), "max": 200}
    if kind == "enum":
        options = [] if required else left_out
        options = options + [[_text(option), str(option)] for option in _options(schema)[:OPTIONS]]
        return field | {
            "kind": "select",
            "options": options,
            "value": _text(known) if known is not None else options[0][0],
        }
    if kind == "boolean":
        options = ([] if required else left_out) + [["true", "Yes"], ["false", "No"]]
        return field | {"kind": "select", "options": options, "value": options[0][0] if known is None else _text(known)}
    if kind in {"integer", "number"}:
        return field | {
            "kind": "number",
            "step": "1" if kind == "integer" else "any",
            "value": "" if known is None else str(known),
        }
    if kind == "date":
        return field | {"kind": "date", "value": str(known or "")}
    if kind == "string":
        return field | {"kind": "text", "value": "" if known is None else str(known), "max": 2000}
    if kind == "checks":
        names = [str(option) for option in _options(_plain(schema).get("items") or {})]
        picked = [each for each in known if each in names] if isinstance(known, list) else []
        return field | {"kind": "checks", "options": [[each, each] for each in names], "value": picked}
    if kind == "lines":
        lines = "\n".join(map(str, known)) if isinstance(known, list) else ""
        return field | {"kind": "area", "value": lines, "rows": 2, "hint": f"{field['hint']} One on each line.".strip()}
    if kind == "either":
        text = known if isinstance(known, str) else "" if known is None else _indented(known)
        return field | {"kind": "area", "value": text, "rows": 2, "hint": f"{field['hint']} A text, or JSON.".strip()}
    text = "" if known is None else _indented(known)
    return field | {"kind": "area", "value": text, "rows": 3, "hint": f"{field['hint']} As JSON.".strip()}


def _value(name: str, schema: Row, value: Any) -> Any:
    """Return what a field says, None if it was left empty."""
    kind = _kind(schema)
    if kind == "checks":
        return [str(each) for each in value] if isinstance(value, list) and value else None
    text = str(value if value is not None else "")
    if kind in {"enum", "boolean"}:
        return None if text == NOTHING else json.loads(text) if kind == "boolean" or _is_json(text) else text
    if not text.strip():
        return None
    if kind in {"integer", "number"}:
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            raise Unfit(name, "must be a whole number" if kind == "integer" else "must be a number") from None
    if kind in {"string", "date"}:
        return text.strip() if kind == "date" or name == "data.file" else text
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "either" and not text.lstrip().startswith(("{", "[", '"')):
        return text.strip()
    return json_of(text, name)


def _kind(schema: Row) -> str:
    """Return what kind of field an argument needs; `json` for what no other can hold, `either` where a text will do too."""
    schema = _plain(schema)
    choices = _choices(schema)
    if choices:
        kinds = {each.get("type") for each in choices}
        return "either" if "string" in kinds and kinds <= {"string", "object", "array"} else "json"
    if _options(schema):
        return "enum"
    kind = schema.get("type")
    if kind == "string":
        return "date" if schema.get("format") == "date" else "string"
    if kind == "array":
        items = schema.get("items") or {}
        if items.get("type") == "string" and 0 < len(_options(items)) <= CHECKS:
            return "checks"
        return "lines" if items.get("type") == "string" or _options(items) else "json"
    return str(kind) if kind in {"integer", "number", "boolean"} else "json"


def _choices(schema: Row) -> list[Row]:
    return [each for each in schema.get("anyOf") or schema.get("oneOf") or [] if each.get("type") != "null"]


def _plain(schema: Row) -> Row:
    """Return the schema with its choice in place, if it has but one beside null."""
    choices = _choices(schema)
    if len(choices) != 1:
        return schema
    return _plain({key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}} | choices[0])


def _options(schema: Row) -> list[Any]:
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"])
    for each in schema.get("anyOf") or ():
        if isinstance(each, dict) and isinstance(each.get("enum"), list):
            return list(each["enum"])
    return []


def _resolved(schema: Any, root: Row, depth: int = 0) -> Row:
    """Return a schema with its references followed, as deep as forms look."""
    if not isinstance(schema, dict) or depth > 4:
        return {}
    found: Row = dict(schema)
    reference = found.pop("$ref", None)
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        found |= (root.get("$defs") or {}).get(reference.removeprefix("#/$defs/"), {})
    if isinstance(found.get("anyOf"), list):
        found["anyOf"] = [_resolved(each, root, depth + 1) for each in found["anyOf"]]
    if isinstance(found.get("items"), dict):
        found["items"] = _resolved(found["items"], root, depth + 1)
    return found


def _shown(value: Any) -> str:
    """Return a default as a person would say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)


def _sentence(text: str) -> str:
    """Return a docstring's words as a sentence; its marks of code are for other readers."""
    text = " ".join(text.split())
    # A code keeps its letters: `dmy` is none that stands at the beginning of a sentence.
    text = text.replace("`", "") if text.startswith("`") else _capital(text.replace("`", ""))
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=repr)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_json(text: str) -> bool:
    return text in {"true", "false", "null"} or text.lstrip("-").replace(".", "", 1).isdigit()
