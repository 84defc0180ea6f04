"""The gateway's REST interface as one asynchronous client; rows are the gateway's JSON as plain dicts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx
import msgspec

from taskcast.client.credentials import Credentials, Tokens
from taskcast.errors import GatewayError

if TYPE_CHECKING:
    from taskcast.client.live import Live

Row = dict[str, Any]
JOBS = "/job-monitor/jobs"
SCHEDULES = "/job-monitor/schedules"
OPERATIONS = "/job-monitor/operations"


class GatewayUnavailable(GatewayError, ConnectionError):
    """The gateway cannot be reached."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list; `total` is a number, or `{"at_least": n}` where counting would take too long."""

    items: list[Row]
    next_cursor: str | None = None
    total: int | dict[str, int] | None = None


class Client:
    """Talks to one gateway as one user or program.

    Give a `token` (an API token or a JWT), or `email` and `password`, or the `refresh_token` of a session; an access
    token is then made and renewed as needed. `on_tokens` is told of every renewal, for programs whose refresh token
    rotates and must be kept. `headers` go with every call: a program that
    speaks for others names them so (`X-Forwarded-For`, believed from the gateway's trusted proxies alone).

    Example:
        async with Client("http://127.0.0.1:8000", token="...") as client:
            job = await client.enqueue("TRANSACTION_IMPORT", {"file": file_id})
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        kind: str = "program",
        timeout_s: float = 15.0,
        headers: Mapping[str, str] | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.base_url, timeout=timeout_s, headers={"User-Agent": "taskcast", **(headers or {})}
        )
        self.credentials = Credentials(
            self._post_open,
            token=token,
            email=email,
            password=password,
            refresh_token=refresh_token,
            kind=kind,
            on_tokens=on_tokens,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def live(self) -> Live:
        """Return a websocket connection that is opened by `async with` or `start()`."""
        from taskcast.client.live import Live

        return Live(self)

    # ------------------------------------------------------------------------------------------------ sign-in

    async def login(self, email: str, password: str, *, kind: str = "program") -> Tokens:
        """Sign in; later calls use and renew the tokens. A refused sign-in is a `GatewayError` with status 401."""
        return await self.credentials.login(email, password, kind)

    async def refresh(self) -> Tokens:
        """Renew the access token now."""
        return await self.credentials.refresh()

    async def logout(self) -> None:
        """End the session at the gateway and forget the tokens."""
        if self.credentials.refresh_token:
            await self._post_open("/auth/logout", {"refresh_token": self.credentials.refresh_token})
        self.credentials.forget()

    async def me(self) -> Row:
        """Return who this client is: id, email, name, role."""
        return await self.get("/auth/me")

    async def ws_ticket(self) -> str:
        """Return a single-use ticket, good for 30 s, with which a browser opens the websocket."""
        ticket: str = (await self.post("/auth/ws-ticket"))["ticket"]
        return ticket

    async def create_user(self, email: str, password: str, *, role: str, name: str = "") -> Row:
        """Make a person's account (admin)."""
        return await self.post("/auth/users", {"email": email, "password": password, "role": role, "name": name})

    async def users(self) -> list[Row]:
        """Return all accounts (admin)."""
        return (await self._page("/auth/users")).items

    async def create_token(
        self, name: str, *, role: str, expires_in_days: float | None = None, user_id: str | None = None
    ) -> Row:
        """Make an API token (admin); its secret is in the answer's `token` and is never shown again."""
        body = {"name": name, "role": role, "expires_in_days": expires_in_days, "user_id": user_id}
        return await self.post("/auth/tokens", {key: value for key, value in body.items() if value is not None})

    async def tokens(self) -> list[Row]:
        """Return all API tokens without their secrets (admin)."""
        return (await self._page("/auth/tokens")).items

    # --------------------------------------------------------------------------------------------------- jobs

    async def jobs(
        self,
        *,
        status: str | Iterable[str] | None = None,
        type: str | Iterable[str] | None = None,  # noqa: A002  # the interface's word
        queue: str | Iterable[str] | None = None,
        user_id: str | Iterable[str] | None = None,
        priority: str | Iterable[str] | None = None,
        final_reason: str | Iterable[str] | None = None,
        worker: str | None = None,
        since: str | None = None,
        until: str | None = None,
        q: str | None = None,
        sort: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return a page of jobs, newest first.

        `since` and `until` bound `created_at` (the interface's from and to). `final_reason` is why a failed job was
        given up: `error`, or for dead letters timeout, worker_lost, unknown_task, unreadable, forgotten.
        """
        return await self._page(
            JOBS, status=status, type=type, queue=queue, user_id=user_id, priority=priority,
            final_reason=final_reason, worker=worker, q=q, sort=sort, limit=limit, cursor=cursor, to=until, **{"from": since},
        )  # fmt: skip

    async def job(self, job_id: str) -> Row:
        """Return one job with its attempts, result, error and what this user may do with it."""
        return await self.get(_job(job_id))

    async def result(self, job_id: str) -> Any:
        """Return a job's whole result."""
        return await self._send("GET", _job(job_id, "/result"))

    async def enqueue(
        self,
        type: str,  # noqa: A002  # the interface's word
        data: dict[str, Any] | None = None,
        **options: Any,
    ) -> Row:
        """Enqueue a task by its name with arguments by name; return the job, or the one that stands (a duplicate).

        Options: queue, priority, delay_s, run_at, max_attempts, timeout_s, dedup_key, rate_limit_key, user_id,
        metadata, force.
        """
        given = {key: value for key, value in options.items() if value is not None}
        return await self.post(JOBS, {"type": type, "data": data or {}, **given})

    async def retry(
        self,
        job_id: str,
        *,
        after_attempt: int | None = None,
        arguments: dict[str, Any] | None = None,
        delay_s: float | None = None,
    ) -> Row:
        """Run a finished job again; `after_attempt` (by default the job's attempt now) guards against a double click."""
        if after_attempt is None:
            after_attempt = int((await self.job(job_id))["attempt"])
        body: Row = {"after_attempt": after_attempt}
        if arguments:
            body["arguments"] = arguments
        if delay_s is not None:
            body["delay_s"] = delay_s
        return await self.post(_job(job_id, "/retry"), body)

    async def cancel(self, job_id: str, *, reason: str | None = None) -> Row:
        """Cancel a job: at once if it waits, else as soon as its worker sees the request."""
        return await self.post(_job(job_id, "/cancel"), {"reason": reason} if reason else {})

    async def delete(self, job_id: str, *, expect: str = "final") -> Row | None:
        """Delete a finished job (`expect="final"`), or cancel one that is not (`expect="active"`)."""
        answer: Row | None = await self._send("DELETE", _job(job_id), params={"expect": expect})
        return answer

    async def logs(
        self,
        job_id: str,
        *,
        attempt: int | None = None,
        level: str | None = None,
        q: str | None = None,
        after: str | None = None,
        limit: int = 200,
    ) -> Page:
        """Return a page of a job's log lines; `after` is the `next_cursor` of the page before."""
        return await self._page(_job(job_id, "/logs"), attempt=attempt, level=level, q=q, after=after, limit=limit)

    async def all_logs(self, job_id: str, **filters: Any) -> AsyncIterator[Row]:
        """Yield all log lines of a job, page by page."""
        after: str | None = None
        while True:
            page = await self.logs(job_id, after=after, **filters)
            for line in page.items:
                yield line
            after = page.next_cursor
            if after is None:
                return

    async def export_logs(self, job_id: str, *, format: str = "ndjson") -> AsyncIterator[bytes]:  # noqa: A002
        """Yield a job's logs as a file, in pieces; format is ndjson, txt or csv."""
        async for piece in self._stream(_job(job_id, "/logs/export"), {"format": format}):
            yield piece

    # ------------------------------------------------------------------------------------------- the whole

    async def statistics(self, *, range_s: int | None = None, bucket_s: int | None = None) -> Row:
        """Return counts, rates and durations over a range."""
        return await self.get("/job-monitor/statistics", range=range_s, bucket=bucket_s)

    async def queues(self) -> list[Row]:
        """Return every queue with what waits and runs in it."""
        return (await self._page("/job-monitor/queues")).items

    async def queue(self, name: str) -> Row:
        """Return one queue."""
        return await self.get(f"/job-monitor/queues/{quote(name, safe='')}/status")

    async def pause_queue(self, name: str, *, reason: str | None = None, until: str | None = None) -> Row:
        """Pause a queue, until resumed or until a time (ISO 8601); return `{"queue", "count"}`."""
        return await self._control("queues", name, "pause", reason=reason, until=until)

    async def resume_queue(self, name: str, *, reason: str | None = None) -> Row:
        """Let a queue go on; return `{"queue", "count"}`."""
        return await self._control("queues", name, "resume", reason=reason)

    async def drain_queue(self, name: str, *, reason: str | None = None) -> Row:
        """Cancel all jobs that wait in a queue; return `{"queue", "count"}`, the count None while it goes on."""
        return await self._control("queues", name, "drain", reason=reason)

    async def clean_queue(self, name: str, *, older_than_s: float, status: Iterable[str] | None = None) -> Row:
        """Delete a queue's jobs that ended so long ago (admin); return `{"queue", "count"}`, the count None while it goes on."""
        states = None if status is None else list(status)
        return await self._control("queues", name, "clean", older_than_s=older_than_s, status=states)

    async def pause_task(self, name: str, *, reason: str | None = None, until: str | None = None) -> Row:
        """Pause a task's jobs in all queues, until resumed or until a time (ISO 8601); return the task."""
        return await self._control("tasks", name, "pause", reason=reason, until=until)

    async def resume_task(self, name: str, *, reason: str | None = None) -> Row:
        """Let a task's jobs go on; return the task."""
        return await self._control("tasks", name, "resume", reason=reason)

    async def clean_jobs(
        self,
        *,
        older_than_s: float,
        status: Iterable[str] | None = None,
        queue: str | None = None,
        type: str | None = None,  # noqa: A002  # the interface's word
        limit: int | None = None,
        dry_run: bool = False,
    ) -> Row:
        """Delete jobs that ended so long ago (admin), `limit` at most; return `{"count"}`, None while it goes on.

        With `dry_run` they are only counted.
        """
        body = {"older_than_s": older_than_s, "status": list(status or ()), "queue": queue, "type": type}
        body |= {"limit": limit, "dry_run": dry_run or None}
        return await self.post(f"{JOBS}/clean", _given(body))

    async def bulk(
        self,
        action: str,
        *,
        ids: Iterable[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # the interface's word
        reason: str | None = None,
        dry_run: bool = False,
    ) -> Row:
        """Retry, cancel or delete (admin) many jobs; return `{"operation", "matched"}` at once.

        Args:
            action: retry, cancel or delete.
            ids: the jobs, 1,000 at most; or
            filter: which jobs, as the list of jobs takes it: `{"status": ["failed"], "queue": ["imports"]}`.
            reason: of cancel.
            dry_run: only count them.
        """
        body: Row = {"action": action, "ids": None if ids is None else list(ids), "filter": filter, "reason": reason}
        return await self.post(f"{JOBS}/bulk", _given(body | {"dry_run": dry_run or None}))

    async def operation(self, id: str) -> Row:  # noqa: A002  # the interface's word
        """Return how far a command about many jobs is."""
        return await self.get(f"{OPERATIONS}/{quote(id, safe='')}")

    async def cancel_operation(self, id: str) -> Row:  # noqa: A002  # the interface's word
        """Stop a command about many jobs before its next page; what was done stays done."""
        return await self.post(f"{OPERATIONS}/{quote(id, safe='')}/cancel")

    async def operations(self) -> list[Row]:
        """Return the newest commands about many jobs."""
        return (await self._page(OPERATIONS)).items

    async def check_stuck(self) -> Row:
        """Look for jobs that do not move although they should; return `{"checked", "found", "at"}`."""
        return await self.post(f"{JOBS}/check-stuck")

    async def workers(self) -> list[Row]:
        """Return every worker that was heard of lately."""
        return (await self._page("/job-monitor/workers")).items

    async def tasks(self) -> list[Row]:
        """Return the tasks that workers announced, with the JSON Schema of their parameters."""
        return (await self._page("/job-monitor/tasks")).items

    async def schedules(self) -> list[Row]:
        """Return every schedule with its next runs and what came of the last ones."""
        return (await self._page(SCHEDULES)).items

    async def schedule(self, id: str) -> Row:  # noqa: A002  # the interface's word
        """Return one schedule."""
        return await self.get(_schedule(id))

    async def create_schedule(self, task: str, **fields: Any) -> Row:
        """Make a schedule (operator).

        Args:
            task: the task's name.
            fields: one of `cron` (text), `every_s` (seconds) and `at` (ISO 8601); and `id`, `title`, `arguments`,
                `time_zone`, `why`, `policy` (skip, once, all), `queue`, `priority`, `max_attempts`, `timeout_s`, `force`.
        """
        return await self.post(SCHEDULES, _given({"task": task, **fields}))

    async def change_schedule(self, id: str, **changes: Any) -> Row:  # noqa: A002  # the interface's word
        """Change a stored schedule; what is not given stays. One of the code can be paused only."""
        return await self.patch(_schedule(id), changes)

    async def pause_schedule(self, id: str, *, reason: str | None = None, until: str | None = None) -> Row:  # noqa: A002
        """Pause a schedule until it is resumed, or until a time (ISO 8601)."""
        return await self.change_schedule(id, paused=_given({"reason": reason, "until": until}))

    async def resume_schedule(self, id: str) -> Row:  # noqa: A002  # the interface's word
        """Let a schedule go on; what it would have run meanwhile is not made up for."""
        return await self.change_schedule(id, paused=None)

    async def delete_schedule(self, id: str) -> None:  # noqa: A002  # the interface's word
        """Delete a stored schedule; the jobs it made stay."""
        await self._send("DELETE", _schedule(id))

    async def run_schedule(self, id: str) -> str:  # noqa: A002  # the interface's word
        """Run a schedule's job now; return the job's id."""
        job: str = (await self.post(_schedule(id, "/run")))["job"]
        return job

    async def preview_schedule(self, **when: Any) -> list[str]:
        """Return the next runs of `cron` or `every_s` or `at`, in a `time_zone`."""
        runs: list[str] = (await self.post(f"{SCHEDULES}/preview", _given(when)))["next_runs"]
        return runs

    async def upload(
        self, file: Path | str | bytes, name: str | None = None, *, content_type: str = "application/octet-stream"
    ) -> Row:
        """Send a file (a path, or its bytes with a `name`); return `{"id", "name", "size_bytes", "sha256"}`."""
        if isinstance(file, bytes):
            return await self._upload((name or "file", file, content_type))
        path = Path(file)
        with path.open("rb") as stream:  # noqa: ASYNC230  # opening is quick, httpx reads it in pieces
            return await self._upload((name or path.name, stream, content_type))

    async def download(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield a stored file in pieces."""
        async for piece in self._stream(f"/job-monitor/files/{quote(file_id, safe='')}", {}):
            yield piece

    async def download_name(self, file_id: str) -> tuple[str | None, bytes]:
        """Return a stored file's name and its bytes, for small files."""
        answer = await self._request("GET", f"/job-monitor/files/{quote(file_id, safe='')}")
        found = re.search(r'filename="([^"]*)"', answer.headers.get("content-disposition", ""))
        return (found[1] if found else None), answer.content

    async def health(self) -> Row:
        """Return the gateway's own health, without signing in."""
        answer: Row = _body(await self._raw("GET", "/health"))
        return answer

    # ------------------------------------------------------------------------------------------------- calls

    async def get(self, path: str, **params: Any) -> Row:
        """Call GET on any path; None parameters are left out."""
        answer: Row = await self._send("GET", path, params=params)
        return answer

    async def post(self, path: str, body: Any = None) -> Row:
        """Call POST on any path with a JSON body."""
        answer: Row = await self._send("POST", path, json={} if body is None else body)
        return answer

    async def patch(self, path: str, body: Any) -> Row:
        """Call PATCH on any path with a JSON body."""
        answer: Row = await self._send("PATCH", path, json=body)
        return answer

    async def _control(self, kind: str, name: str, action: str, **more: Any) -> Row:
        return await self.post(
            f"/job-monitor/{kind}/{quote(name, safe='')}/control", _given({"action": action, **more})
        )

    async def _page(self, path: str, **params: Any) -> Page:
        answer = await self._send("GET", path, params=params)
        if isinstance(answer, list):
            return Page(items=answer, total=len(answer))
        return msgspec.convert(answer, Page)

    async def _upload(self, file: tuple[str, Any, str]) -> Row:
        answer: Row = _body(await self._request("POST", "/job-monitor/files", files={"file": file}))
        return answer

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        return _body(await self._request(method, path, **options))

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = await self.credentials.access()
        answer = await self._raw(method, path, token=token, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self.credentials.renews:
            _rewind(options)
            token = await self.credentials.access(refused=token)
            answer = await self._raw(method, path, token=token, **options)
        _check(answer)
        return answer

    async def _post_open(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._raw("POST", path, json=body)
        _check(answer)
        return _body(answer) or {}

    async def _raw(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        params = options.pop("params", None)
        if params is not None:
            options["params"] = _params(params)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return await self._http.request(method, path, headers=headers, **options)
        except httpx.TransportError as error:
            raise self._unavailable(error) from None

    async def _stream(self, path: str, params: Row) -> AsyncIterator[bytes]:
        token = await self.credentials.access()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._http.stream("GET", path, params=_params(params), headers=headers) as answer:
                if answer.is_error:
                    await answer.aread()
                    _check(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx.TransportError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> GatewayUnavailable:
        what = str(error) or type(error).__name__
        return GatewayUnavailable(f"the gateway at {self.base_url} cannot be reached: {what}", code="unavailable")


def _job(job_id: str, rest: str = "") -> str:
    return f"{JOBS}/{quote(job_id, safe='')}{rest}"


def _schedule(name: str, rest: str = "") -> str:
    return f"{SCHEDULES}/{quote(name, safe='')}{rest}"


def _given(body: Row) -> Row:
    return {key: value for key, value in body.items() if value is not None}


def _params(params: Row) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in params.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str | int | float) else list(value)
        pairs.extend((key, each) for each in values)
    return pairs


def _rewind(options: Row) -> None:
    for file in (options.get("files") or {}).values():
        if hasattr(file[1], "seek"):
            file[1].seek(0)


def _body(answer: httpx.Response) -> Any:
    if answer.status_code == httpx.codes.NO_CONTENT or not answer.content:
        return None
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        raise GatewayError(f"{answer.url} answered with something that is no JSON; is this a gateway?",
                           status=answer.status_code, code="no_json") from None  # fmt: skip


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = msgspec.json.decode(answer.content)
        if not isinstance(problem, dict):
            problem = {}
    except msgspec.DecodeError:
        problem = {}
    message = problem.get("detail") or problem.get("title") or f"{answer.status_code} {answer.reason_phrase}"
    fields = problem.get("fields")
    raise GatewayError(
        str(message),
        status=answer.status_code,
        code=str(problem.get("code") or f"http_{answer.status_code}"),
        fields={str(k): str(v) for k, v in fields.items()} if isinstance(fields, dict) else None,
    )
