"""What a database holds, in a form that can be compared: rows and a checksum of each table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

SUM_TIMEOUT_S = 3600
"""A large table takes longer than the queries of the other jobs may."""

_TABLES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
  AND n.nspname NOT LIKE 'pg_temp%' AND c.relpersistence = 'p'
ORDER BY 1
"""

_CANONICAL = {
    "timezone": "UTC", "datestyle": "ISO, YMD", "intervalstyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex",
    "lc_monetary": "C", "xmlbinary": "base64",
}  # fmt: skip


async def tables_of(connection: Any) -> list[str]:
    """Return the names of all tables, quoted and with their schema."""
    return [row["name"] for row in await connection.fetch(_TABLES)]


async def canonical(connection: Any) -> None:
    """Have the session write values as every other one does, whatever its database or role has been told."""
    for name, value in _CANONICAL.items():
        await connection.execute("SELECT set_config($1, $2, false)", name, value)


async def sums(connection: Any, tables: list[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield each table's name with `{"rows", "checksum"}`.

    The checksum is the sum of the rows' 64-bit hashes, so that their order does not matter; it is of the text of each row.
    """
    for name in tables:
        row = await connection.fetchrow(
            f"SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS checksum FROM {name} t",  # noqa: S608 - a name of the catalogue, quoted
            timeout=SUM_TIMEOUT_S,
        )
        yield name, {"rows": row["rows"], "checksum": row["checksum"]}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[dict[str, str]]:
    """Return what differs between two such collections, by table."""
    wrong = []
    for name in sorted({*expected, *found}):
        there, here = expected.get(name), found.get(name)
        if there is None or here is None:
            wrong.append({"table": name, "what": "is missing in the restore" if here is None else "is not in the dump"})
        elif there["rows"] != here["rows"]:
            wrong.append({"table": name, "what": f"has {here['rows']:,} rows instead of {there['rows']:,}"})
        elif there["checksum"] != here["checksum"]:
            wrong.append({"table": name, "what": "has other contents"})
    return wrong
