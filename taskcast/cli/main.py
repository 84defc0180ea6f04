"""The command `taskcast`: one group, its options, and errors in one line.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 gateway unreachable, 4 not allowed, 5 the watched job failed,
6 it was cancelled.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

try:
    import click
    import httpx  # noqa: F401  # to say what is missing before a command does
    import rich  # noqa: F401
    import websockets  # noqa: F401
except ImportError as missing:
    raise SystemExit(f"taskcast: the command needs more: pip install 'taskcast[client]' ({missing})") from None

from taskcast.cli import jobs, operations, schedules, server, steer, whole
from taskcast.cli.gateway import Target, default_token, default_url


def _version() -> str:
    try:
        return version("taskcast")
    except PackageNotFoundError:
        return "of a checkout"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--url", help="The gateway's address; by default TASKCAST_URL or this host.")
@click.option("--token", help="The token to use; by default TASKCAST_TOKEN or the data directory's.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, one object or list a line.")
@click.version_option(_version(), prog_name="taskcast")
@click.pass_context
def main(context: click.Context, url: str | None, token: str | None, as_json: bool) -> None:
    """Run, watch and steer background jobs, live."""
    context.obj = Target(url=(url or default_url()).rstrip("/"), token=token or default_token(), json=as_json)


def _answer_in_json(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.obj = replace(context.obj, json=True)


def _add(group: click.Group, command: click.Command) -> None:
    """Add a command; `--json` may stand after it as well as before it."""
    group.add_command(command)
    for leaf in command.commands.values() if isinstance(command, click.Group) else (command,):
        leaf.params.append(
            click.Option(["--json"], is_flag=True, expose_value=False, callback=_answer_in_json, help="Answer in JSON.")
        )


for each in (jobs.tail, jobs.jobs, jobs.job, jobs.enqueue, jobs.retry, jobs.cancel, whole.queues, whole.workers):
    _add(main, each)
for each in (steer.pause, steer.resume, steer.drain, steer.clean, steer.check_stuck):
    _add(main, each)
for each in (operations.bulk, operations.operation):
    _add(main, each)
for each in (schedules.schedules, whole.user, whole.token):
    _add(main, each)
main.add_command(server.up)
main.add_command(server.server)

if __name__ == "__main__":
    main()
