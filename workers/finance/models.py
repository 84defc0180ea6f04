"""The ledger's tables, as Tortoise models: accounts, the statements that were read, and the transactions on them.

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
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "transactions"
        unique_together = (("account_id", "fingerprint"),)
        indexes = (Index(fields=("account_id", "booked_on")), Index(fields=("statement_id",)))
