"""Who may do what: one table, asked in one place. Nothing here knows of HTTP or of tokens."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The four roles; each may do all that the one before it may."""

    USER = "user"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    """What can be allowed; the value is the word in audit log and error messages."""

    SEE_OWN_JOBS = "see own jobs"
    CANCEL_OWN_JOBS = "cancel own jobs"
    SEE_JOBS = "see all jobs"
    SEE_SYSTEM = "see queues, workers and tasks"
    ENQUEUE = "enqueue jobs"
    RETRY = "retry jobs"
    CANCEL = "cancel jobs"
    UPLOAD = "upload files"
    CONTROL_QUEUES = "control queues"
    CONTROL_SCHEDULES = "control schedules"
    CHECK_STUCK = "check for stuck jobs"
    DELETE = "delete jobs"
    CLEAN = "clean jobs"
    MANAGE_USERS = "manage users"
    MANAGE_TOKENS = "manage tokens"
    MANAGE_ALERTS = "manage alert rules"
    SEE_AUDIT = "see the audit log"


_USER = frozenset({Permission.SEE_OWN_JOBS, Permission.CANCEL_OWN_JOBS})
_VIEWER = _USER | {Permission.SEE_JOBS, Permission.SEE_SYSTEM}
_OPERATOR = _VIEWER | {
    Permission.ENQUEUE,
    Permission.RETRY,
    Permission.CANCEL,
    Permission.UPLOAD,
    Permission.CONTROL_QUEUES,
    Permission.CONTROL_SCHEDULES,
    Permission.CHECK_STUCK,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.USER: _USER,
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Permission),
}
"""From role to what it may do."""


def may(role: str, permission: Permission) -> bool:
    """Tell whether `role` may do this; an unknown role may do nothing."""
    return role in PERMISSIONS and permission in PERMISSIONS[Role(role)]


def own_only(role: str) -> bool:
    """Tell whether `role` sees only the jobs whose `user_id` is theirs; true of an unknown role."""
    return not may(role, Permission.SEE_JOBS)


def least_role(permission: Permission) -> Role:
    """Return the least role that may do this, for the message of a refusal."""
    return next(role for role in Role if permission in PERMISSIONS[role])
