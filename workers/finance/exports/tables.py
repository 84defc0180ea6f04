"""Which tables an export has, and how they are asked for: all rows, or those of some accounts and days."""

# The queries are made of the parts in this module alone; what a caller gives is a parameter.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table of the export.

    Attributes:
        name: of the members in the archive.
        sql: `SELECT` with `$1` the accounts' ids or NULL, `$2` and `$3` the first and last day or NULL; it has an order.
    """

    name: str
    sql: str

    @property
    def counted(self) -> str:
        """The query of how many rows there are."""
        return f"SELECT count(*) FROM ({self.sql}) AS counted"


_OF_ACCOUNT = "($1::uuid[] IS NULL OR {0}.account_id = ANY($1))"
_DAYS = "($2::date IS NULL OR {0} >= $2) AND ($3::date IS NULL OR {0} <= $3)"
# PostgreSQL wants every parameter to be used.
_ANY = "($1::uuid[] IS NULL OR $1 IS NOT NULL) AND ($2::date IS NULL OR $2 IS NOT NULL) AND ($3::date IS NULL OR $3 IS NOT NULL)"

TABLES = (
    ExportTable(
        "accounts",
        f"""SELECT id, identity, currency, name, user_id, created_at FROM accounts
            WHERE ($1::uuid[] IS NULL OR id = ANY($1)) AND {_ANY} ORDER BY id""",
    ),
    ExportTable(
        "categories", f"SELECT id, key, name, kind, parent_id, created_at FROM categories WHERE {_ANY} ORDER BY key"
    ),
    ExportTable(
        "category_rules",
        f"""SELECT id, category_id, position, field, match, pattern, sign, created_at FROM category_rules
            WHERE {_ANY} ORDER BY position, id""",
    ),
    ExportTable(
        "transactions",
        f"""SELECT id, account_id, statement_id, line, booked_on, valued_on, amount, currency, text, counterparty,
                   counterparty_account, reference, bank_category, balance, fingerprint, category_id, categorised_by, source,
                   pending, created_at
            FROM transactions t WHERE {_OF_ACCOUNT.format("t")} AND {_DAYS.format("t.booked_on")} ORDER BY id""",
    ),
    ExportTable(
        "statements",
        f"""SELECT id, job_id, file_id, name, sha256, first_date, last_date, created_at FROM statements s
            WHERE {_DAYS.format("s.last_date")} AND ($1::uuid[] IS NULL
                OR EXISTS (SELECT 1 FROM statement_balances b WHERE b.statement_id = s.id AND b.account_id = ANY($1))
                OR EXISTS (SELECT 1 FROM transactions t WHERE t.statement_id = s.id AND t.account_id = ANY($1)))
            ORDER BY created_at, id""",
    ),
    ExportTable(
        "statement_balances",
        f"""SELECT b.id, b.statement_id, b.account_id, b.number, b.opening, b.opening_on, b.closing, b.closing_on, b.lines,
                   b.amount
            FROM statement_balances b JOIN statements s ON s.id = b.statement_id
            WHERE {_OF_ACCOUNT.format("b")} AND {_DAYS.format("s.last_date")} ORDER BY b.id""",
    ),
    ExportTable(
        "budgets",
        f"""SELECT id, category_id, user_id, amount, currency, period, starts_on, ends_on, carry_over, created_at FROM budgets
            WHERE {_ANY} ORDER BY id""",
    ),
    ExportTable(
        "budget_periods",
        f"""SELECT id, budget_id, first_day, last_day, allotted, carried, spent, available, projected, transactions, refreshed_at
            FROM budget_periods p WHERE {_DAYS.format("p.first_day")} AND {_ANY} ORDER BY budget_id, first_day""",
    ),
    ExportTable(
        "reconciliations",
        f"""SELECT id, statement_id, account_id, first_day, last_day, exact, near, split, missing, surplus, proven, result,
                   updated_at
            FROM reconciliations r WHERE {_OF_ACCOUNT.format("r")} AND {_DAYS.format("r.last_day")} ORDER BY id""",
    ),
    ExportTable(
        "insights",
        f"""SELECT id, kind, key, month, account_id, title, text, amount, currency, evidence, created_at, updated_at
            FROM insights i WHERE {_OF_ACCOUNT.format("i")} AND {_DAYS.format("i.month")} ORDER BY id""",
    ),
)
