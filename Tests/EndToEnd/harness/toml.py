"""Configuration as TOML, written from plain values; Python reads the format but does not write it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def to_toml(document: Mapping[str, Any]) -> str:
    """Writes tables of tables as `[a.b]`, lists of tables as `[[a]]`, deeper tables inline."""
    lines: list[str] = []
    for name, value in document.items():
        for header, table in _tables(name, value):
            lines.append(header)
            lines += [f"{key} = {_value(item)}" for key, item in table.items()]
            lines.append("")
    return "\n".join(lines)


def _tables(name: str, value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        return [(f"[[{name}]]", table) for table in value]
    if name in ("clients", "sinks"):
        return [(f"[{name}.{key}]", table) for key, table in value.items()]
    return [(f"[{name}]", value)]


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str() | Path():
            # Every JSON string is a TOML basic string.
            return json.dumps(str(value))
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"no TOML for {type(value)}")
