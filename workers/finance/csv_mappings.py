"""The stored CSV mappings: queries, and a command to list, show, save and delete them.

python -m workers.finance.csv_mappings list | show NAME | save NAME FILE.json | delete NAME
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from core.storage.connection import connected, connection
from taskcast.errors import TaskcastError
from taskcast.ids import new_id
from workers.finance.csv_mapping import CsvMapping, read_mapping
from workers.finance.entries import StatementUnreadable

MAX_NAME = 255


async def load_mapping(lent: Any, name: str) -> CsvMapping:
    """Return the stored mapping of a name.

    Raises:
        StatementUnreadable: if there is none.
    """
    found = await lent.fetchval("SELECT mapping FROM csv_mappings WHERE name = $1", name)
    if found is None:
        known = [row["name"] for row in await lent.fetch("SELECT name FROM csv_mappings ORDER BY name LIMIT 10")]
        told = f"there are {', '.join(known)}" if known else "none is stored yet; save one with save_mapping_as"
        raise StatementUnreadable("mapping", f"there is none named {name[:60]!r}", told)
    return read_mapping(_json(found), name)


async def mappings_by_header(lent: Any) -> dict[str, CsvMapping]:
    """Return the mappings that are found by a file's header, by its hash."""
    rows = await lent.fetch("SELECT name, header, mapping FROM csv_mappings WHERE header IS NOT NULL")
    return {row["header"]: read_mapping(_json(row["mapping"]), row["name"]) for row in rows}


async def chosen_mappings(
    lent: Any, given: str | dict[str, Any] | None
) -> tuple[CsvMapping | None, dict[str, CsvMapping]]:
    """Return the mapping that is given by name or as JSON, or, where none is, those that a file's header may find.

    Raises:
        StatementUnreadable: if there is none of that name, or it is wrong.
    """
    if isinstance(given, str):
        return await load_mapping(lent, given), {}
    if given is not None:
        return read_mapping(given), {}
    return None, await mappings_by_header(lent)


async def save_mapping(lent: Any, name: str, mapping: dict[str, Any], header: str | None) -> None:
    """Store a mapping under a name, in the place of the one that had it; a header belongs to the mapping saved last.

    The caller holds a transaction.

    Raises:
        StatementUnreadable: if the name or the mapping is none.
    """
    if not name.strip() or len(name) > MAX_NAME:
        raise StatementUnreadable("save_mapping_as", f"a name has 1 to {MAX_NAME} characters", "give another")
    read_mapping(mapping, name)
    # Two that save one header at once: the second waits, and takes it over.
    await lent.execute("SELECT pg_advisory_xact_lock(hashtextextended('ledger:csv-mappings', 0))")
    await lent.execute("UPDATE csv_mappings SET header = NULL WHERE header = $1 AND name <> $2", header, name)
    await lent.execute(
        """INSERT INTO csv_mappings (id, name, header, mapping, created_at, updated_at)
           VALUES ($1, $2, $3, $4::text::jsonb, now(), now())
           ON CONFLICT (name) DO UPDATE SET header = excluded.header, mapping = excluded.mapping, updated_at = now()""",
        UUID(new_id()),
        name,
        header,
        json.dumps(mapping),
    )


async def delete_mapping(lent: Any, name: str) -> bool:
    """Delete a mapping; return whether there was one."""
    return await lent.fetchval("DELETE FROM csv_mappings WHERE name = $1 RETURNING true", name) is not None


def _json(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


async def _command(verb: str, arguments: list[str]) -> int:
    async with connection() as lent:
        if verb == "list" and not arguments:
            for row in await lent.fetch("SELECT name, header, mapping FROM csv_mappings ORDER BY name"):
                fields = ", ".join(_json(row["mapping"])["columns"])
                _tell(f"{row['name']}  ({fields}; {'found by its header' if row['header'] else 'by name only'})")
        elif verb == "show" and len(arguments) == 1:
            await load_mapping(lent, arguments[0])
            found = await lent.fetchval("SELECT mapping FROM csv_mappings WHERE name = $1", arguments[0])
            _tell(json.dumps(_json(found), indent=2, ensure_ascii=False))
        elif verb == "save" and len(arguments) == 2:
            text = await asyncio.to_thread(Path(arguments[1]).read_text, "utf-8")
            async with lent.transaction():
                await save_mapping(lent, arguments[0], json.loads(text), None)
        elif verb == "delete" and len(arguments) == 1:
            if not await delete_mapping(lent, arguments[0]):
                raise StatementUnreadable("mapping", f"there is none named {arguments[0]!r}", "see the list")
        else:
            _tell(__doc__ or "", sys.stderr)
            return 2
    return 0


def _tell(text: str, stream: TextIO = sys.stdout) -> None:
    stream.write(f"{text}\n")


async def main(arguments: list[str]) -> int:
    """Run the command; return its exit code: 1 for a mapping or database that is none, 2 for a command that is none."""
    from workers.settings import worker_settings

    try:
        async with connected(worker_settings().need_database_url()):
            return await _command(arguments[0] if arguments else "", arguments[1:])
    except (TaskcastError, OSError, json.JSONDecodeError) as error:
        _tell(str(error), sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
