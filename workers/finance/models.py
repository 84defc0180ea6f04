"""The ledger's tables, as Tortoise models: accounts, statements, transactions, and what the jobs make of them.

Money is `Decimal` with its currency; a date is a date. Every row has a natural key, so that writing it twice changes nothing.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Account(Model):
    """An account in one currency; one with several currencies is several rows of one identity."""

    id = fields.UUIDField(primary_key=True)
    identity = fields.CharField(max_length=128)  # an IBAN, a number as the bank writes it, or `layout:<hash>`
    currency = fields.CharField(max_length=3)  # ISO 4217
    name = fields.CharField(max_length=255)
    user_id = fields.CharField(max_length=255, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "accounts"
        unique_together = (("identity", "currency"),)


class Category(Model):
    """What money is for; a category may stand under another."""

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=64, unique=True)  # lower case with hyphens, such as `groceries`
    name = fields.CharField(max_length=255)
    kind = fields.CharField(max_length=16)  # expense, income, transfer
    parent_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "categories"


class CategoryRule(Model):
    """Puts transactions into a category; the rule with the lowest position that fits wins."""

    id = fields.UUIDField(primary_key=True)
    category: fields.ForeignKeyRelation[Category] = fields.ForeignKeyField("finance.Category", on_delete=fields.CASCADE)
    position = fields.IntField(default=100)
    field = fields.CharField(max_length=32)  # text, counterparty, counterparty_account, reference, bank_category, any
    match = fields.CharField(max_length=16)  # contains, equals, word, regex; case is ignored
    pattern = fields.CharField(max_length=255)
    sign = fields.SmallIntField(default=0)  # -1 only money that goes out, 1 only what comes in, 0 both
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "category_rules"
        unique_together = (("field", "match", "pattern", "sign"),)


class CsvMapping(Model):
    """How one bank's CSV is to be read; found again by the names in its header, or by name."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=255, unique=True)
    header = fields.CharField(max_length=64, null=True, unique=True)  # SHA-256 of the header's names, lower case
    mapping = fields.JSONField[dict[str, object]](default=dict)  # columns, delimiter, encoding, decimal, date order
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "csv_mappings"


class Statement(Model):
    """A file that one job imported, written in the transaction of its lines: the row is there, or nothing is."""

    id = fields.UUIDField(primary_key=True)
    job_id = fields.CharField(max_length=128, unique=True)
    file_id = fields.UUIDField(db_index=True)
    name = fields.CharField(max_length=255)
    sha256 = fields.CharField(max_length=64)
    result = fields.JSONField[dict[str, object]](default=dict)
    first_date = fields.DateField(null=True)
    last_date = fields.DateField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "statements"


class StatementBalance(Model):
    """What a statement says an account held before and after its lines, and what the lines add up to."""

    id = fields.BigIntField(primary_key=True)
    statement: fields.ForeignKeyRelation[Statement] = fields.ForeignKeyField(
        "finance.Statement", on_delete=fields.CASCADE
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("finance.Account", on_delete=fields.CASCADE)
    number = fields.IntField(default=0)  # the running number of the account's statement within the file
    opening = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    opening_on = fields.DateField(null=True)
    closing = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    closing_on = fields.DateField(null=True)
    lines = fields.IntField()
    amount = fields.DecimalField(max_digits=20, decimal_places=4)  # the sum of the lines

    class Meta:
        table = "statement_balances"
        unique_together = (("statement_id", "account_id", "number"),)


class Transaction(Model):
    """One booked line; its fingerprint is made of date, amount, texts and the running number among identical lines."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("finance.Account", on_delete=fields.RESTRICT)
    statement_id = fields.UUIDField()
    line = fields.IntField()
    booked_on = fields.DateField()
    valued_on = fields.DateField(null=True)
    amount = fields.DecimalField(max_digits=20, decimal_places=4)
    currency = fields.CharField(max_length=3)
    text = fields.TextField(default="")
    counterparty = fields.TextField(default="")
    counterparty_account = fields.TextField(default="")
    reference = fields.TextField(default="")
    bank_category = fields.TextField(default="")
    balance = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    fingerprint = fields.CharField(max_length=32)
    category: fields.ForeignKeyNullableRelation[Category] = fields.ForeignKeyField(
        "finance.Category", null=True, on_delete=fields.SET_NULL
    )
    categorised_by = fields.CharField(max_length=16, null=True)  # rule, hand; a rule never overrides a hand
    source = fields.CharField(max_length=16, default="statement")  # statement, mail, sample
    pending = fields.BooleanField(default=False)  # told by a bank's mail, not yet seen on a statement
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "transactions"
        unique_together = (("account_id", "fingerprint"),)
        indexes = (Index(fields=("account_id", "booked_on")), Index(fields=("statement_id",)))


class TransactionAlias(Model):
    """The same booking as a statement of another format words it: known there too, so that it is not added again."""

    id = fields.BigIntField(primary_key=True)
    transaction: fields.ForeignKeyRelation[Transaction] = fields.ForeignKeyField(
        "finance.Transaction", on_delete=fields.CASCADE
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("finance.Account", on_delete=fields.CASCADE)
    fingerprint = fields.CharField(max_length=32)
    family = fields.CharField(max_length=16)  # CSV, OFX, MT940, CAMT

    class Meta:
        table = "transaction_aliases"
        unique_together = (("account_id", "fingerprint"), ("transaction_id", "family"))


class Budget(Model):
    """How much may be spent in a category in each month, quarter or year."""

    id = fields.UUIDField(primary_key=True)
    category: fields.ForeignKeyRelation[Category] = fields.ForeignKeyField("finance.Category", on_delete=fields.CASCADE)
    user_id = fields.CharField(max_length=255, default="")  # whose accounts count; empty: everybody's
    amount = fields.DecimalField(max_digits=20, decimal_places=4)
    currency = fields.CharField(max_length=3)
    period = fields.CharField(max_length=16)  # month, quarter, year
    starts_on = fields.DateField()
    ends_on = fields.DateField(null=True)
    carry_over = fields.BooleanField(default=False)  # what is left, or overspent, goes into the next period
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "budgets"
        unique_together = (("category_id", "user_id", "currency", "period", "starts_on"),)


class BudgetPeriod(Model):
    """One period of a budget as its last refresh found it."""

    id = fields.BigIntField(primary_key=True)
    budget: fields.ForeignKeyRelation[Budget] = fields.ForeignKeyField("finance.Budget", on_delete=fields.CASCADE)
    first_day = fields.DateField()
    last_day = fields.DateField()
    allotted = fields.DecimalField(max_digits=20, decimal_places=4)
    carried = fields.DecimalField(max_digits=20, decimal_places=4)
    spent = fields.DecimalField(max_digits=20, decimal_places=4)
    available = fields.DecimalField(max_digits=20, decimal_places=4)  # allotted and carried, less spent
    projected = fields.DecimalField(max_digits=20, decimal_places=4)  # spent by the period's end, at this pace
    transactions = fields.IntField()
    refreshed_at = fields.DatetimeField()

    class Meta:
        table = "budget_periods"
        unique_together = (("budget_id", "first_day"),)


class Reconciliation(Model):
    """A statement's lines set against the ledger: how many were matched, what differs, whether the balances prove it."""

    id = fields.UUIDField(primary_key=True)
    statement: fields.ForeignKeyRelation[Statement] = fields.ForeignKeyField(
        "finance.Statement", on_delete=fields.CASCADE
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("finance.Account", on_delete=fields.CASCADE)
    first_day = fields.DateField(null=True)
    last_day = fields.DateField(null=True)
    exact = fields.IntField()
    near = fields.IntField()  # same amount, within the date window
    split = fields.IntField()  # one line against several transactions, or several against one
    missing = fields.IntField()  # lines that the ledger does not have
    surplus = fields.IntField()  # transactions that the statement does not have
    proven = fields.BooleanField(null=True)  # whether opening, lines and closing agree; null: the file has no balances
    result = fields.JSONField[dict[str, object]](default=dict)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "reconciliations"
        unique_together = (("statement_id", "account_id"),)


class Insight(Model):
    """Something worth knowing about the money, with the evidence for it."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=32)  # recurring, unusual, price_rise, forecast
    key = fields.CharField(max_length=128)  # what it is about, within its kind
    month = fields.DateField()  # the first day of the month it was found in
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "finance.Account", null=True, on_delete=fields.CASCADE
    )
    title = fields.CharField(max_length=255)
    text = fields.TextField(default="")
    amount = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    currency = fields.CharField(max_length=3, null=True)
    evidence = fields.JSONField[dict[str, object]](default=dict)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "insights"
        unique_together = (("kind", "key", "month"),)


class Report(Model):
    """A report of a period over some accounts; made again, it takes the place of the one before."""

    id = fields.UUIDField(primary_key=True)
    scope = fields.CharField(max_length=128)  # `all`, or a hash of the accounts chosen
    period = fields.CharField(max_length=16)  # month, quarter, year
    first_day = fields.DateField()
    last_day = fields.DateField()
    job_id = fields.CharField(max_length=128)
    pdf_file_id = fields.UUIDField(null=True)
    xlsx_file_id = fields.UUIDField(null=True)
    figures = fields.JSONField[dict[str, object]](default=dict)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "reports"
        unique_together = (("scope", "period", "first_day"),)


class Notification(Model):
    """Something a person is to be told; the digest takes it up once."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.CharField(max_length=255)  # their e-mail address
    kind = fields.CharField(max_length=32)
    key = fields.CharField(max_length=191)
    title = fields.CharField(max_length=255)
    text = fields.TextField(default="")
    digest_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "notifications"
        unique_together = (("user_id", "kind", "key"),)
        indexes = (Index(fields=("digest_id",)),)


class Digest(Model):
    """One mail to one person. It is `sending` from before the first byte, so that no crash sends it twice."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.CharField(max_length=255)
    job_id = fields.CharField(max_length=128)
    message_id = fields.CharField(max_length=255, unique=True)
    state = fields.CharField(max_length=16)  # sending, sent, refused, unsure
    error = fields.TextField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "digests"


class MailCursor(Model):
    """How far a folder of a mailbox was read."""

    id = fields.BigIntField(primary_key=True)
    mailbox = fields.CharField(max_length=191)  # its address without the password
    folder = fields.CharField(max_length=191)
    uid_validity = fields.BigIntField()
    last_uid = fields.BigIntField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "mail_cursors"
        unique_together = (("mailbox", "folder"),)


class MailMessage(Model):
    """A mail that was read, and what came of it."""

    id = fields.UUIDField(primary_key=True)
    mailbox = fields.CharField(max_length=191)
    key = fields.CharField(max_length=64)  # SHA-256 of its Message-ID, or of its bytes if it has none
    folder = fields.CharField(max_length=191)
    sender = fields.CharField(max_length=255, default="")
    subject = fields.CharField(max_length=255, default="")
    sent_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(max_length=16)  # transactions, statement, nothing, unreadable
    detail = fields.JSONField[dict[str, object]](default=dict)
    job_id = fields.CharField(max_length=128)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "mail_messages"
        unique_together = (("mailbox", "key"),)


class MailTemplate(Model):
    """How the notices of a bank are told and read: sender and subject, then one pattern with named groups."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=128, unique=True)
    position = fields.IntField(default=100)
    sender = fields.CharField(max_length=255)  # an address, or `@domain`
    subject = fields.CharField(max_length=255, default="")  # words that the subject contains; empty: any
    pattern = fields.TextField()  # groups: amount, currency, date, counterparty, text, reference, account, sign
    account_identity = fields.CharField(max_length=128, null=True)  # where the pattern has no `account`
    currency = fields.CharField(max_length=3, null=True)
    date_order = fields.CharField(max_length=3, null=True)
    direction = fields.SmallIntField(default=-1)  # -1 the amount went out, 1 it came in; a `sign` group wins
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "mail_templates"


class Export(Model):
    """An archive of the ledger that one job made."""

    id = fields.UUIDField(primary_key=True)
    job_id = fields.CharField(max_length=128, unique=True)
    file_id = fields.UUIDField()
    first_day = fields.DateField(null=True)
    last_day = fields.DateField(null=True)
    manifest = fields.JSONField[dict[str, object]](default=dict)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "exports"


class Backup(Model):
    """A dump of the database, and what its last restore into a scratch database showed."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=191, unique=True)  # the dump's file name
    taken_at = fields.DatetimeField()
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    tables = fields.JSONField[dict[str, object]](default=dict)  # rows and checksum by table, at the dump's snapshot
    verified_at = fields.DatetimeField(null=True)
    verified_ok = fields.BooleanField(null=True)
    error = fields.TextField(null=True)

    class Meta:
        table = "backups"
