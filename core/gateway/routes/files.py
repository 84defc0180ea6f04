"""Files in and out: an upload goes to the store as it arrives, a download leaves it in pieces."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.multipart import receive_file, too_large
from core.gateway.services import Context
from core.permissions import Permission
from core.storage.files import FileNotStored, FileTooLarge, get_file, open_file, save_upload

files = Endpoints("files")


@files.add(
    "POST",
    "/job-monitor/files",
    needs=[Permission.UPLOAD],
    answers={201: answers.File},
    problems=[413, 415, 422],
    action="file.upload",
    streams=True,
)
async def upload_file(context: Context) -> Response:
    """Store a file, sent as `multipart/form-data` in the field `file`.

    Its id is what jobs take; the name is a label only.
    """
    most_bytes = context.services.settings.upload_max_bytes
    try:
        upload = await receive_file(context.request, most_bytes=most_bytes)
        stored = await save_upload(
            context.services.files,
            upload.chunks,
            name=upload.name,
            user_id=context.identity.user_id,
            content_type=upload.content_type,
            max_bytes=most_bytes,
        )
    except FileTooLarge:
        raise too_large(most_bytes) from None
    context.target = stored.id
    context.note(name=stored.name, size_bytes=stored.size_bytes)
    shown = {"id": stored.id, "name": stored.name, "size_bytes": stored.size_bytes, "sha256": stored.sha256}
    return answer_json(shown, 201, {"Location": f"/job-monitor/files/{stored.id}"})


@files.add("GET", "/job-monitor/files/{id}", needs=[Permission.SEE_OWN_JOBS], answers={200: None}, problems=[404])
async def download_file(context: Context) -> Response:
    """Answer a file's bytes; `user` gets only their own."""
    file_id = context.path("id")
    known = await get_file(file_id)
    if known is None or (context.owner is not None and known.user_id != context.owner):
        raise FileNotStored(f"there is no file {file_id[:80]!r}")
    stored, opened = await open_file(context.services.files, known.id)
    opened.close()

    # Always an attachment of an opaque type: a stored HTML file must never run as a page of this origin.
    headers = {
        "Content-Disposition": disposition(stored.name),
        "Content-Length": str(stored.size_bytes),
        "ETag": f'"{stored.sha256}"',
    }
    return StreamingResponse(context.services.files.chunks(stored.id), 200, headers, "application/octet-stream")


def disposition(name: str) -> str:
    """Return a Content-Disposition that offers a download under any name (RFC 6266)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
