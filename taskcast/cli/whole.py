"""The commands about the whole: queues, workers, statistics, users and tokens."""

from __future__ import annotations

import click

from taskcast.cli import show
from taskcast.cli.gateway import Target, run
from taskcast.client import Client

ROLES = click.Choice(["user", "viewer", "operator", "admin"])


@click.command()
@click.pass_obj
def queues(target: Target) -> None:
    """List queues with what waits and runs in them."""

    async def work(client: Client) -> None:
        rows = await client.queues()
        show.print_json(rows) if target.json else show.console().print(show.queues_table(rows))

    run(target, work)


@click.command()
@click.pass_obj
def workers(target: Target) -> None:
    """List worker processes."""

    async def work(client: Client) -> None:
        rows = await client.workers()
        show.print_json(rows) if target.json else show.console().print(show.workers_table(rows))

    run(target, work)


@click.group()
def user() -> None:
    """Make people's accounts."""


@user.command("create")
@click.argument("email")
@click.option("--role", type=ROLES, default="viewer", show_default=True, help="What they may do.")
@click.option("--name", default="", help="Their name.")
@click.password_option(help="Their first password; asked for if it is not given.")
@click.pass_obj
def user_create(target: Target, email: str, role: str, name: str, password: str) -> None:
    """Make an account for EMAIL (admin)."""

    async def work(client: Client) -> None:
        row = await client.create_user(email, password, role=role, name=name)
        show.print_json(row) if target.json else show.console().print(f"{row['email']} is {row['role']} now")

    run(target, work)


@click.group()
def token() -> None:
    """Make programs' tokens."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=ROLES, default="viewer", show_default=True, help="What it may do.")
@click.option("--days", type=float, help="Days until it ends; by default as the gateway decides.")
@click.option("--user", "user_id", help="Whose jobs it enqueues, or sees if its role is user.")
@click.pass_obj
def token_create(target: Target, name: str, role: str, days: float | None, user_id: str | None) -> None:
    """Make an API token called NAME and print it, once (admin)."""

    async def work(client: Client) -> None:
        row = await client.create_token(name, role=role, expires_in_days=days, user_id=user_id)
        show.print_json(row) if target.json else click.echo(row["token"])

    run(target, work)
