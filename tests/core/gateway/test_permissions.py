from __future__ import annotations

import itertools

import pytest

from core.permissions import PERMISSIONS, Permission, Role, least_role, may, own_only


def test_each_role_may_all_that_the_one_before_may() -> None:
    roles = list(Role)

    assert all(PERMISSIONS[lower] < PERMISSIONS[higher] for lower, higher in itertools.pairwise(roles))


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        (Role.USER, Permission.CANCEL_OWN_JOBS, True),
        (Role.USER, Permission.SEE_JOBS, False),
        (Role.VIEWER, Permission.SEE_JOBS, True),
        (Role.VIEWER, Permission.CANCEL, False),
        (Role.OPERATOR, Permission.ENQUEUE, True),
        (Role.OPERATOR, Permission.DELETE, False),
        (Role.ADMIN, Permission.DELETE, True),
        ("root", Permission.SEE_OWN_JOBS, False),
        ("", Permission.SEE_OWN_JOBS, False),
    ],
)
def test_the_table_says_who_may_do_what(role: str, permission: Permission, allowed: bool) -> None:
    assert may(role, permission) is allowed


def test_only_user_and_unknown_roles_see_their_own_jobs_alone() -> None:
    assert [role for role in (*Role, "root") if own_only(role)] == [Role.USER, "root"]


def test_every_permission_has_a_least_role() -> None:
    assert {least_role(permission) for permission in Permission} == set(Role)
