from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "accounts" (
    "id" UUID NOT NULL PRIMARY KEY,
    "identity" VARCHAR(128) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "user_id" VARCHAR(255),
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_accounts_identit_a38f0d" UNIQUE ("identity", "currency")
);
COMMENT ON TABLE "accounts" IS 'An account in one currency; one with several currencies is several rows of one identity.';
CREATE TABLE IF NOT EXISTS "statements" (
    "id" UUID NOT NULL PRIMARY KEY,
    "job_id" VARCHAR(128) NOT NULL UNIQUE,
    "file_id" UUID NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "result" JSONB NOT NULL,
    "first_date" DATE,
    "last_date" DATE,
    "created_at" TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS "idx_statements_file_id_8bb3a2" ON "statements" ("file_id");
COMMENT ON TABLE "statements" IS 'A file that one job imported, written in the transaction of its lines: the row is there, or nothing is.';
CREATE TABLE IF NOT EXISTS "transactions" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "statement_id" UUID NOT NULL,
    "line" INT NOT NULL,
    "booked_on" DATE NOT NULL,
    "valued_on" DATE,
    "amount" DECIMAL(20,4) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "text" TEXT NOT NULL,
    "counterparty" TEXT NOT NULL,
    "counterparty_account" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "bank_category" TEXT NOT NULL,
    "balance" DECIMAL(20,4),
    "fingerprint" VARCHAR(32) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "account_id" UUID NOT NULL REFERENCES "accounts" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_transaction_account_933a4d" UNIQUE ("account_id", "fingerprint")
);
CREATE INDEX IF NOT EXISTS "idx_transaction_account_79d320" ON "transactions" ("account_id", "booked_on");
CREATE INDEX IF NOT EXISTS "idx_transaction_stateme_b53095" ON "transactions" ("statement_id");
COMMENT ON TABLE "transactions" IS 'One booked line; its fingerprint is made of date, amount, texts and the running number among identical lines.';"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "transactions";
DROP TABLE IF EXISTS "statements";
DROP TABLE IF EXISTS "accounts";"""


MODELS_STATE = (
    "eJztm21T2zgQgP+Kx5+4mRxDnRC49uZmAk3bXIHcgHvXaafjUWwl0WFLqSUXMlz++2nl97"
    "c0DiUlkC+AV7uW/exK2pXMnT4mFFEb7/dsmwVU6C+1O50iD8s/Sm0tTUezWaYFJAKNXKWN"
    "Qi2u1EZc+MiG242Ry7EUOZjbPpkJwiho96gWGWiEaoxizQ58H1N7/kpd3RAx1Tj+hn3kxk"
    "0Ec43wROqzG66xsVInDqaCiPk+9O4wW3ZP6OShOwoo+RpgS7AJFlPsy+4+f9ZjDVCIu9K/"
    "fJFXhDr4FnNQg8vZtTUm2HVyzIkDdkpuiflMyT58GLx+ozTh5UaWzdzAo6n2bC6mjCbqQU"
    "CcfbCBtgmm8h0EdjKuoIHrRl6LReGbSIHwA5w8qpMKHDxGgQsO1X8fB9QGP2qqJ/jR+SN6"
    "tIyaZV0MTeuqb1qWXvI/PELBU5HIZhRih0AkSTCL8L4pECXVoYPTd73LvXb3F4WAcTHxVa"
    "PCpS+UIRIoNFXQs5RTH+VZn06RX8c6tSkQlw+8DutYkMJOB0uMMQb1AGh1D91aLqYTMZWX"
    "L4zjJaz/7l0q3FJL8WZydIfD/iJqMsI24J5yTuK/AeeszRPk3F6BcruWcbtIWP1uQDfWf4"
    "JkjcPDFdhKrVq6qi3PN+DYt6om5XrEGZO1KEcz7jOCbPsYcFhIlDm/li2CeLhmsshZFnA7"
    "kel+/Mc2hrh8QWdI3XkUGEvgm4Pz/pXZO/8LuvM4/+oqfj2zDy2Gks4L0r1uwU/JTbR/Bu"
    "Y7DS61T8OLfnGRTfTMTzo8EwoEsyi7sZCTyRpiaUxtAXnP+DqzJoNghOzrG+Q7Vq4lDQ+J"
    "g3KkUg7OyxFyEpm/eX+JXaQAl2MhzmXN9F5bGA2LOP5jaRwVgJEZrA5suckzvKIEUTRRrw"
    "R9L1opsyshCXm4pjpIW5fXBzzWW7VC0MbExZqYIqEy73/ZSCPejPnSWy3txidCYAo5vUy9"
    "tUyIQKZOBNdcQjF/qVplAg/5POTosiPma5SJqeQshRUFw+b6ragfdnXCY6oTpO8bLv6pxY"
    "/JsL7PebsrBBhrlYjrgzlj8iMjujy1bxL1feJ3Vw1sKlHlU2QcdpsQTi2eIONuZwXE3U4t"
    "YWjKA5ahDc9bAvzn1fCiGnBqUcz+iS20/+RyzMVDgc4scaOAuIJQvg/d/oxVDgjlEv8Y89"
    "5572PRA6dnw5PidAI3OCnNzj4XFpRP1YVZ3QSdtVpWlG1fNbzEA1BTFfi5aA18OaPnTG+3"
    "LVA/Dz/bbYEHrXSzuwNVtW5h92BJtZvds1it3h3KWnPE2DV2VAn5ShWT8tYT7M9kLAioJD"
    "3kYKgzIXJbGvLgWKulCXwrVRF1wqIzoBRqTBp4I+yDEhSc6vDCRm5Ynpar3o33Xnl2Fp3U"
    "JQVB0n3pAO1OT31aMAtfw5JUwQbfzmRscuWHyP+RV6ORFU8LulKWTlIXaiLKdJHsXkAn97"
    "lvo4r+hEwGVDSo6QktJTvRmHu8ReYEHuHX3wyj3T4yDtrd48PO0dHh8cGx1FXPW246WjLf"
    "nQzeDi7M/PQFguWVfs6/JT/UF6NFu4etSB/LYt2gJIURXwZaG9Wx+vfjegsIRqFtvOgcdY"
    "7b3U4S0YlkWSDHQZuyTGe2Bulkzuie6eRjA9wsn/yG3KAxvpzRc87Gw/W+Ah22iYfcanqp"
    "URFdaLUfWT+x2OufDs57Z3vGQSvc/JDpNRHqveOivHOw+1Zi099KQKZapmtKaTXdWH9zZP"
    "WfsHFk9j+ayzeOkvLwbHjxNlYv7iYVghmGvczdkV/1kVU98qLdDv290Fso/XRzHRdk7Xeu"
    "aOwKH48xzM8VCXA9/5zRDnpj6CNEry1b0pkwv9HcUzLcwV8Dvosq431plpixuneauEU59j"
    "pZYnZPrEGiWDB7irmisUqyaNRni8buq8TnevyQK3MLW9CrbQPmrXabgHIolc50SozLgN8w"
    "H5MJfY/nCvNAPkrNwlDxv0nbSbb0LacU++gmOSAohJZE4GAXh8vEpQz2y8GpGZ4qbOq8bP"
    "E/Apdz9A=="
)
