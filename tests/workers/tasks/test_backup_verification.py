from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from core.storage.connection import connection
from tests.full_disk import small_files
from tests.workers.conftest import ToldJob, cancelled_at, held, rows, stopped_at, stopped_when
from workers.tasks import backup_verification as module
from workers.tasks.backup_verification import backup_verification
from workers.upkeep.backups import BackupBroken, BackupImpossible, BackupInterrupted
from workers.upkeep.table_sums import differences

SCRATCHES = r"SELECT count(*) FROM pg_database WHERE datname LIKE 'taskcast\_verify\_%'"


@pytest.fixture(autouse=True)
async def folder(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import dataclasses

    settings = dataclasses.replace(module.settings, database_url=database, backup_dir=tmp_path / "backups")
    monkeypatch.setattr(module, "settings", settings)
    async with connection() as lent:
        await lent.execute(
            """INSERT INTO categories (id, key, name, kind, created_at)
               SELECT gen_random_uuid(), 'key-' || n, 'Żółty ' || n, 'expense', now() FROM generate_series(1, 500) AS n"""
        )
    return tmp_path / "backups"


def dumps(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dump"))


async def test_a_dump_is_taken_restored_and_every_table_agrees(folder: Path) -> None:
    job = ToldJob()

    result = await backup_verification(job=job)

    [dump] = dumps(folder)
    assert (result["name"], result["taken_now"]) == (dump.name, True)
    assert dump.stat().st_mode & 0o077 == 0 or folder.stat().st_mode & 0o077 == 0
    found = {row["table"]: row["rows"] for row in result["tables"][0]["rows"]}
    assert found["public.categories"] == "500"
    assert len({percentage for percentage, _ in job.moves}) >= 10
    assert await rows("SELECT name, verified_ok, error FROM backups") == [(dump.name, True, None)]
    assert await rows(SCRATCHES) == [(0,)]


async def test_a_dump_of_today_is_verified_as_it_is_though_the_ledger_went_on(folder: Path) -> None:
    first = await backup_verification(job=ToldJob())
    async with connection() as lent:
        await lent.execute("DELETE FROM categories WHERE key = 'key-1'")

    second = await backup_verification(job=ToldJob())

    assert (second["taken_now"], second["name"]) == (False, first["name"])
    assert len(dumps(folder)) == 1


async def test_a_damaged_dump_fails_loudly_and_is_remembered(folder: Path) -> None:
    result = await backup_verification(job=ToldJob())
    with (folder / result["name"]).open("r+b") as file:
        file.seek(2000)
        file.write(b"\x00" * 64)

    job = ToldJob()
    with pytest.raises(BackupBroken, match=r"SHA-256 differs.*Delete it"):
        await backup_verification(job=job)

    assert job.lines[-1][0] == "ERROR"
    assert [ok for (ok,) in await rows("SELECT verified_ok FROM backups")] == [False]


async def test_a_dump_that_cannot_be_restored_fails_loudly(folder: Path) -> None:
    import hashlib
    import json

    result = await backup_verification(job=ToldJob())
    dump = folder / result["name"]
    dump.write_bytes(dump.read_bytes()[:3000])
    notes = json.loads(dump.with_suffix(".json").read_text())
    notes["sha256"] = hashlib.sha256(dump.read_bytes()).hexdigest()
    dump.with_suffix(".json").write_text(json.dumps(notes))

    with pytest.raises(BackupBroken, match="cannot be restored: pg_restore failed"):
        await backup_verification(job=ToldJob())

    assert await rows(SCRATCHES) == [(0,)]


def test_what_differs_is_told_by_table() -> None:
    dumped = {name: {"rows": 2, "checksum": "1"} for name in ("same", "fewer", "changed", "gone")}
    restored = {
        "same": dumped["same"],
        "fewer": {"rows": 1, "checksum": "1"},
        "changed": {"rows": 2, "checksum": "2"},
        "new": {"rows": 0, "checksum": "0"},
    }

    assert [(each["table"], each["what"]) for each in differences(dumped, restored)] == [
        ("changed", "has other contents"),
        ("fewer", "has 1 rows instead of 2"),
        ("gone", "is missing in the restore"),
        ("new", "is not in the dump"),
    ]


async def test_only_the_newest_dumps_stay(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for day in range(1, 10):
        (folder / f"taskcast-202001{day:02d}T000000Z.dump").touch()
        (folder / f"taskcast-202001{day:02d}T000000Z.json").write_text("{}")
    (folder / ".taskcast-20200101T000000Z.dump.1234").touch()

    result = await backup_verification(older_than_hours=0, keep=3, job=ToldJob())

    assert [path.name[9:17] for path in dumps(folder)[:-1]] == ["20200108", "20200109"]
    assert dumps(folder)[-1].name == result["name"]
    assert len(list(folder.iterdir())) == 6


async def test_killed_in_the_middle_the_next_run_sweeps_up_and_verifies(
    folder: Path, killed: Callable[..., Awaitable[None]], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ToldJob()
    await backup_verification(job=whole)
    for path in folder.iterdir():
        path.unlink()
    await rows("DELETE FROM backups")

    monkeypatch.setenv("TASKCAST_BACKUP_DIR", str(folder))
    await killed("BACKUP_VERIFICATION", at=[20, whole.checkpoints - 70, 10])
    assert await rows("SELECT name FROM backups") == []
    assert len(await rows("SELECT pid FROM pg_stat_activity WHERE application_name IN ('pg_dump', 'pg_restore')")) == 0
    result = await backup_verification(job=ToldJob())

    assert [path.name for path in dumps(folder)] == [result["name"]]
    assert sorted(path.suffix for path in folder.iterdir()) == [".dump", ".json"]
    assert await rows(SCRATCHES) == [(0,)]


async def test_a_cancel_at_any_moment_leaves_no_half_dump_no_scratch_database_and_no_program(folder: Path) -> None:
    await backup_verification(job=(whole := ToldJob()))
    [dump] = dumps(folder)

    async with held("categories") as waited_for:
        await stopped_when(waited_for, backup_verification(older_than_hours=0, job=ToldJob()))
    for before_the_end in (5, 60):
        job = ToldJob()
        await cancelled_at(whole.checkpoints - before_the_end, job, backup_verification(older_than_hours=0, job=job))
        for path in set(folder.iterdir()) - {dump, dump.with_suffix(".json")}:
            assert path.suffix in {".dump", ".json"}  # a whole one, where only its restore was cancelled
            path.unlink()
    for number in (1, 10, 50):
        job = ToldJob()
        await stopped_at("Restoring", job, backup_verification(job=job), number=number)

    assert set(folder.iterdir()) == {dump, dump.with_suffix(".json")}
    assert await rows(SCRATCHES) == [(0,)]
    assert [child.name() for child in psutil.Process().children() if child.name().startswith("pg_")] == []


async def test_of_two_at_once_the_second_waits_and_none_takes_the_others_work_for_left_behind(folder: Path) -> None:
    jobs = [ToldJob("one"), ToldJob("two")]

    results = await asyncio.gather(*(backup_verification(job=job) for job in jobs))

    assert sorted(result["taken_now"] for result in results) == [False, True]
    assert len(dumps(folder)) == 1
    assert await rows(SCRATCHES) == [(0,)]


async def test_a_database_with_settings_of_its_own_verifies_all_the_same(folder: Path) -> None:
    async with connection() as lent:
        name = await lent.fetchval("SELECT current_database()")
        await lent.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'")
        await lent.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

        # The connection at hand is the only one that has not heard of it.
        result = await backup_verification(job=ToldJob())

    assert result["summary"].endswith("rows agree")


async def test_a_server_that_ends_the_session_of_a_restore_is_away_and_the_backup_not_broken(
    folder: Path, database_url: str
) -> None:
    await backup_verification(job=ToldJob())
    job = ToldJob()
    seen = 0

    def end_the_restore(_: ToldJob) -> None:
        nonlocal seen
        seen += 1
        if seen == 8:
            asyncio.get_running_loop().create_task(
                rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_restore'")
            )

    job.at_checkpoint = end_the_restore
    with pytest.raises(BackupInterrupted, match="interrupted"):
        await backup_verification(job=job)

    assert [ok for (ok,) in await rows("SELECT verified_ok FROM backups")] == [True]
    assert await rows(SCRATCHES) == [(0,)]


async def test_a_full_disk_is_said_with_its_remedy_and_leaves_no_half_dump(folder: Path) -> None:
    with small_files(4096), pytest.raises(BackupImpossible, match="look whether there is space"):
        await backup_verification(job=ToldJob())

    assert list(folder.iterdir()) == []


async def test_a_user_without_the_right_is_told_how_to_get_it(
    folder: Path, postgres: object, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.upkeep.backups import Backups

    await backup_verification(job=ToldJob())
    role = f"reader_{os.getpid()}"
    admin = await asyncpg.connect(host=str(postgres.sockets), user="taskcast", database="postgres")  # type: ignore[attr-defined]
    await admin.execute(f"CREATE ROLE {role} LOGIN")
    backups = Backups(folder, database_url)
    dump = await backups.newest()
    assert dump is not None
    try:
        async with connection() as lent:
            await lent.execute(f"SET ROLE {role}")
        with pytest.raises(BackupImpossible, match="CREATEDB"):
            for _ in range(20):
                await backups.verify(dump, lambda share, what: None)
    finally:
        async with connection() as lent:
            await lent.execute("RESET ROLE")
        await admin.execute(f"DROP ROLE {role}")
        await admin.close()


async def test_a_folder_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file")

    with pytest.raises(BackupImpossible, match="TASKCAST_BACKUP_DIR"):
        await backup_verification(job=ToldJob())
