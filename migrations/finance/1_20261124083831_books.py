from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "backups" (
    "id" UUID NOT NULL PRIMARY KEY,
    "name" VARCHAR(191) NOT NULL UNIQUE,
    "taken_at" TIMESTAMPTZ NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "tables" JSONB NOT NULL,
    "verified_at" TIMESTAMPTZ,
    "verified_ok" BOOL,
    "error" TEXT
);
COMMENT ON TABLE "backups" IS 'A dump of the database, and what its last restore into a scratch database showed.';
        CREATE TABLE IF NOT EXISTS "categories" (
    "id" UUID NOT NULL PRIMARY KEY,
    "key" VARCHAR(64) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "parent_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "categories" IS 'What money is for; a category may stand under another.';
        CREATE TABLE IF NOT EXISTS "csv_mappings" (
    "id" UUID NOT NULL PRIMARY KEY,
    "name" VARCHAR(255) NOT NULL UNIQUE,
    "header" VARCHAR(64) UNIQUE,
    "mapping" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "csv_mappings" IS 'How one bank''s CSV is to be read; found again by the names in its header, or by name.';
        CREATE TABLE IF NOT EXISTS "digests" (
    "id" UUID NOT NULL PRIMARY KEY,
    "user_id" VARCHAR(255) NOT NULL,
    "job_id" VARCHAR(128) NOT NULL,
    "message_id" VARCHAR(255) NOT NULL UNIQUE,
    "state" VARCHAR(16) NOT NULL,
    "error" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL,
    "sent_at" TIMESTAMPTZ
);
COMMENT ON TABLE "digests" IS 'One mail to one person. It is `sending` from before the first byte, so that no crash sends it twice.';
        CREATE TABLE IF NOT EXISTS "exports" (
    "id" UUID NOT NULL PRIMARY KEY,
    "job_id" VARCHAR(128) NOT NULL UNIQUE,
    "file_id" UUID NOT NULL,
    "first_day" DATE,
    "last_day" DATE,
    "manifest" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "exports" IS 'An archive of the ledger that one job made.';
        CREATE TABLE IF NOT EXISTS "mail_cursors" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "mailbox" VARCHAR(191) NOT NULL,
    "folder" VARCHAR(191) NOT NULL,
    "uid_validity" BIGINT NOT NULL,
    "last_uid" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_mail_cursor_mailbox_ce908a" UNIQUE ("mailbox", "folder")
);
COMMENT ON TABLE "mail_cursors" IS 'How far a folder of a mailbox was read.';
        CREATE TABLE IF NOT EXISTS "mail_messages" (
    "id" UUID NOT NULL PRIMARY KEY,
    "mailbox" VARCHAR(191) NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    "folder" VARCHAR(191) NOT NULL,
    "sender" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "sent_at" TIMESTAMPTZ,
    "outcome" VARCHAR(16) NOT NULL,
    "detail" JSONB NOT NULL,
    "job_id" VARCHAR(128) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_mail_messag_mailbox_cc3d23" UNIQUE ("mailbox", "key")
);
COMMENT ON TABLE "mail_messages" IS 'A mail that was read, and what came of it.';
        CREATE TABLE IF NOT EXISTS "mail_templates" (
    "id" UUID NOT NULL PRIMARY KEY,
    "name" VARCHAR(128) NOT NULL UNIQUE,
    "position" INT NOT NULL,
    "sender" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "pattern" TEXT NOT NULL,
    "account_identity" VARCHAR(128),
    "currency" VARCHAR(3),
    "date_order" VARCHAR(3),
    "direction" SMALLINT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "mail_templates" IS 'How the notices of a bank are told and read: sender and subject, then one pattern with named groups.';
        CREATE TABLE IF NOT EXISTS "notifications" (
    "id" UUID NOT NULL PRIMARY KEY,
    "user_id" VARCHAR(255) NOT NULL,
    "kind" VARCHAR(32) NOT NULL,
    "key" VARCHAR(191) NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    "text" TEXT NOT NULL,
    "digest_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_notificatio_user_id_45e233" UNIQUE ("user_id", "kind", "key")
);
CREATE INDEX IF NOT EXISTS "idx_notificatio_digest__9a67d8" ON "notifications" ("digest_id");
COMMENT ON TABLE "notifications" IS 'Something a person is to be told; the digest takes it up once.';
        CREATE TABLE IF NOT EXISTS "reports" (
    "id" UUID NOT NULL PRIMARY KEY,
    "scope" VARCHAR(128) NOT NULL,
    "period" VARCHAR(16) NOT NULL,
    "first_day" DATE NOT NULL,
    "last_day" DATE NOT NULL,
    "job_id" VARCHAR(128) NOT NULL,
    "pdf_file_id" UUID,
    "xlsx_file_id" UUID,
    "figures" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_reports_scope_7cb6c7" UNIQUE ("scope", "period", "first_day")
);
COMMENT ON TABLE "reports" IS 'A report of a period over some accounts; made again, it takes the place of the one before.';
        CREATE TABLE IF NOT EXISTS "budgets" (
    "id" UUID NOT NULL PRIMARY KEY,
    "user_id" VARCHAR(255) NOT NULL,
    "amount" DECIMAL(20,4) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "period" VARCHAR(16) NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE,
    "carry_over" BOOL NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "category_id" UUID NOT NULL REFERENCES "categories" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_budgets_categor_70e865" UNIQUE ("category_id", "user_id", "currency", "period", "starts_on")
);
COMMENT ON TABLE "budgets" IS 'How much may be spent in a category in each month, quarter or year.';
        CREATE TABLE IF NOT EXISTS "budget_periods" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "first_day" DATE NOT NULL,
    "last_day" DATE NOT NULL,
    "allotted" DECIMAL(20,4) NOT NULL,
    "carried" DECIMAL(20,4) NOT NULL,
    "spent" DECIMAL(20,4) NOT NULL,
    "available" DECIMAL(20,4) NOT NULL,
    "projected" DECIMAL(20,4) NOT NULL,
    "transactions" INT NOT NULL,
    "refreshed_at" TIMESTAMPTZ NOT NULL,
    "budget_id" UUID NOT NULL REFERENCES "budgets" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_budget_peri_budget__b0f367" UNIQUE ("budget_id", "first_day")
);
COMMENT ON TABLE "budget_periods" IS 'One period of a budget as its last refresh found it.';
        CREATE TABLE IF NOT EXISTS "category_rules" (
    "id" UUID NOT NULL PRIMARY KEY,
    "position" INT NOT NULL,
    "field" VARCHAR(32) NOT NULL,
    "match" VARCHAR(16) NOT NULL,
    "pattern" VARCHAR(255) NOT NULL,
    "sign" SMALLINT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "category_id" UUID NOT NULL REFERENCES "categories" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_category_ru_field_c7d4b2" UNIQUE ("field", "match", "pattern", "sign")
);
COMMENT ON TABLE "category_rules" IS 'Puts transactions into a category; the rule with the lowest position that fits wins.';
        CREATE TABLE IF NOT EXISTS "insights" (
    "id" UUID NOT NULL PRIMARY KEY,
    "kind" VARCHAR(32) NOT NULL,
    "key" VARCHAR(128) NOT NULL,
    "month" DATE NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    "text" TEXT NOT NULL,
    "amount" DECIMAL(20,4),
    "currency" VARCHAR(3),
    "evidence" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "account_id" UUID REFERENCES "accounts" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_insights_kind_36d862" UNIQUE ("kind", "key", "month")
);
COMMENT ON TABLE "insights" IS 'Something worth knowing about the money, with the evidence for it.';
        CREATE TABLE IF NOT EXISTS "reconciliations" (
    "id" UUID NOT NULL PRIMARY KEY,
    "first_day" DATE,
    "last_day" DATE,
    "exact" INT NOT NULL,
    "near" INT NOT NULL,
    "split" INT NOT NULL,
    "missing" INT NOT NULL,
    "surplus" INT NOT NULL,
    "proven" BOOL,
    "result" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "account_id" UUID NOT NULL REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "statement_id" UUID NOT NULL REFERENCES "statements" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_reconciliat_stateme_d80956" UNIQUE ("statement_id", "account_id")
);
COMMENT ON TABLE "reconciliations" IS 'A statement''s lines set against the ledger: how many were matched, what differs, whether the balances prove it.';
        CREATE TABLE IF NOT EXISTS "statement_balances" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "number" INT NOT NULL,
    "opening" DECIMAL(20,4),
    "opening_on" DATE,
    "closing" DECIMAL(20,4),
    "closing_on" DATE,
    "lines" INT NOT NULL,
    "amount" DECIMAL(20,4) NOT NULL,
    "account_id" UUID NOT NULL REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "statement_id" UUID NOT NULL REFERENCES "statements" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_statement_b_stateme_e319bb" UNIQUE ("statement_id", "account_id", "number")
);
COMMENT ON TABLE "statement_balances" IS 'What a statement says an account held before and after its lines, and what the lines add up to.';
        ALTER TABLE "transactions" ADD "category_id" UUID;
        ALTER TABLE "transactions" ADD "pending" BOOL NOT NULL DEFAULT False;
        ALTER TABLE "transactions" ADD "categorised_by" VARCHAR(16);
        ALTER TABLE "transactions" ADD "source" VARCHAR(16) NOT NULL DEFAULT 'statement';
        ALTER TABLE "transactions" ADD CONSTRAINT "fk_transact_categori_2b8fc0c6" FOREIGN KEY ("category_id") REFERENCES "categories" ("id") ON DELETE SET NULL;"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        ALTER TABLE "transactions" DROP CONSTRAINT IF EXISTS "fk_transact_categori_2b8fc0c6";
        ALTER TABLE "transactions" DROP COLUMN "category_id";
        ALTER TABLE "transactions" DROP COLUMN "pending";
        ALTER TABLE "transactions" DROP COLUMN "categorised_by";
        ALTER TABLE "transactions" DROP COLUMN "source";
        DROP TABLE IF EXISTS "categories";
        DROP TABLE IF EXISTS "mail_cursors";
        DROP TABLE IF EXISTS "budget_periods";
        DROP TABLE IF EXISTS "reports";
        DROP TABLE IF EXISTS "insights";
        DROP TABLE IF EXISTS "category_rules";
        DROP TABLE IF EXISTS "mail_messages";
        DROP TABLE IF EXISTS "exports";
        DROP TABLE IF EXISTS "reconciliations";
        DROP TABLE IF EXISTS "digests";
        DROP TABLE IF EXISTS "budgets";
        DROP TABLE IF EXISTS "csv_mappings";
        DROP TABLE IF EXISTS "backups";
        DROP TABLE IF EXISTS "mail_templates";
        DROP TABLE IF EXISTS "statement_balances";
        DROP TABLE IF EXISTS "notifications";"""


MODELS_STATE = (
    "eJztXW1v4zYS/iuEv3QPcIPEyWbfDgck2WybNi9Fkm2LFoVLS7TNRhZdiorj6+W/H0m9S5"
    "QsOZYtKfzSbSQOZT2khvMMZ4b/9MbYhraB9k4Mg7g2630E//RsOEP8fzL3+qAH5/PYHXGF"
    "wZElW0OvlSObjRxGoSG6G0PLQfySiRyD4jnDxBatT2zgCwBsA2IjYLiUIttYfpJ/LTCbAg"
    "c9Igqt4BZGDsBOeJWShQPIWDbHJrIZZss98XSTGPzx2J7U/SDXxn+7aMjIBLEpovxxv//e"
    "C1qIBsGjen/8wf/CtomekCOaiT/nD8MxRpaZwBybQk5eH7LlXF77+vXi8xfZUrzcaGgQy5"
    "3ZUev5kk2JHTZ3XWzuCRlxb4Js/g4MmbGhsF3L8kctuOS9Cb/AqIvCn2pGF0w0hq4lBrT3"
    "77FrG2IcgXyS+M/Rf/yfFms2HF7f3A/vzu+Hw15m/MVPSI2Uf8kgtpg7WMwkDsyz128EiL"
    "zaEw84+/7k9s3h8b8kBMRhEypvSrh6z1IQMuiJStDjKEdjlMT6bAppHtaRTApx/oPXwTq4"
    "EIEdfSwBjAFQNUDbm8GnoYXsCZvyPw8G7wuw/vnkVsLNW0m8Cf+6vc/+2r818O4J3COcw/"
    "lfAee4TAdxPiyB8mEuxodphOW/FdAN2ncQ2cHbtyWw5a1y0ZX3kvi6DqJDlVLOhzgmshbK"
    "vsZ9RSAbFAk4hpBlcf7M7zA8QznKIiGZgtv0RfeC/2njFOcvaN7Y1tKfGAXg319cnd/dn1"
    "z9JB43c5y/LYnfyf25uDOQV5epq2+OU+MUdgJ+ubj/Hog/wW831+fpRTZsd/9bT/wm6DIy"
    "tMliCM2Y1RBcDVB7FnbP+CG2JosLI2g8LCA1h4k7sdXadvBkyhwnOztOfdEvP94iC0pws/"
    "MgsGMvvH7a9wk+B9M+uBpNhgglivh9A1tYwvBisG4T3bXwyykFmsP4C824YTccQUu894tx"
    "uwt6PPU67Cpy/I7tQGMjc+0+6qtLcAndRgYkT9tlb80Gs/QVaMOJfCXx7Od+hJkA2J33VH"
    "zdv9UvpOsj2agsWwemO5sLDsx5LhC0agRFO2ibYDGFnFozB1jQYYAvD4xQzpNtRgAEvBfI"
    "jGkoApwpWSBTQdPreIKCn2se3iQevlv2shrj7bHvDwdl2PeHg3z2Le4lzWoGH5C9hlEdl+"
    "ugSd0SEzrAJGNDJ+wX/F80HC0ZUi3BeHJhM/UQJ+VSg4ztMjZy04aV/17+z7cfBoPDw3eD"
    "/cPj92+P3r17+37/PW8rf3H21ruCuXB68d3F9X1yaMWF5DfmTOHg7XEVHRZJdNAHc3xUQo"
    "0dH+VqMXErrcT4eytm9w93N9d56iuQSCsvbDDwP2Bhp7b5HVuURy62GKeue+Kxu1iXBUIJ"
    "PRbA/Obq5Nf0CJxd3pymFZTo4DQ1HI+IYv6wdXw1KdENrCzNpOmdWFjCwSIPipWFEAtBe8"
    "Uwe5KpYR5x0U6N7OnNzWViUE8vUovG9der03NuvMnR5I0wy1lLEKWEZtG+R085q3go0AU/"
    "c9HXc/7rfbEmCz+ey5vr74LmafX2XMX9WC95d01OSXtK8u7d6heTd9moJHn/nizAzOUUeQ"
    "aXYMQJ8hx5m+EQGHx2TAhdir8QFE2IzaZ98LcLKUMUEAqWCNIsXd9Qn8oN9KADfw8ltp2S"
    "2BrkaobIqw7jHTtD/rJ6l71R7H4He2frGW11wbqFrTM4C0JzUqYYMvAMWmqUI6G0EeZJ7f"
    "nSLaQjBQh/Pj+7uDq5fDPY7x+l1uIA/KN9HcGw7QiGSJGXxTeS6CC6B8dlHIFpahDzAx6n"
    "AY7Wx6yW4CjleCniQkVUrYWAF+kIzr3SVrltVgUvJvJC6NpjoyuQMyDlVhzhhLAihUwKrs"
    "cg15p04ZXWckgdSpOvZ7sVSpP80hKUqSyxSYltkuE0V1GtIDQZF0EW5SzEXwhFeGL/iJYS"
    "6Av+WwLOnhPycBbrq53YZuId+GUKFyHbTs8uDoKJLOQprrOTu7OTz3zBKBP/5Xk7hp7Z9+"
    "JgE8/B8lNoQ3YE/ZqjTeKg5butIlRXOq+C4Sznw7qxEfAERIgIBF4fADrxuJAx/5KnYMy5"
    "rckvZ51W63ai9FL5bxEoXOqwoQlfmOhRtGOrVNGKnVr/S2xu3MMWt2nzXVPRgFUw6xNCr5"
    "oTiW+lKnpxmVcNHrQswsS7ZcErdNrFxLTbbpXbjjNIXBnimJRGeAXCcsenIr6hjEZ3Bbrw"
    "EWLvXSsqibicRnkFynNK/kJGdVWckNMor0A5nimQBTrX4E2LdSlIcXBw9O7o/eHxUWj0hl"
    "eKbN2su8/nK2s5/NKyHXT5tcTFVyoiK0U4y3n4EkLav1fs3xuFoTcv9e5FQTztxHWlby8x"
    "r6p69mr1VIWOVZWXKu51LfBQ+Z5LjEp6p34RCUozYqOlKBsyJvRTPA5KhEiJGWMClw8qBd"
    "Amwo2U9U+t341OdGqAZukX+JseUKUIEr9559KcNp8eoOtf1Btf9sBfrdLM9dt3EN/NR+bM"
    "IRWp59VUcELoBZq4PaElK/WuDn94feEPa1US8ePmN7OF3MI5UKqyQ7hvT13r5fUwApP71r"
    "Xa+NU0vBZGM5X4loMTElOsiPYFc3A19fMnfzn695PLHBCfA0FtiqCzT7KohejRKzcp/rLI"
    "AjkMcE2IJbVhgvyNRSDCQiSNZshhXQ9RBjeMgyVyJmpryNkKGUNUTkkHT3SqTcP4ZTDCFf"
    "zrcZHt+dYP9vfrsm827FoPv4Gy1CcU6CD3ORyUSfoY5Gd9DNLcJ9QsZeGNVFH34K2DWob6"
    "unRaTSTSQYhr8Y7IpTAD8d0MWlZB6ZXJlnVuzRr3cPDuOFS24o8iPXt3dXJ5qdMWXi9v12"
    "kLOm2hUdy0v9m0hXqZrvN4xcmr95oKnhvd7hezXOdxOPNaVigiIc4/GEH74RsHnN39LPYo"
    "OQEdcc7JFdQnP2QeTji0YLSU9FP8PsFTZXz9lLdCtC/qP/Db4pa6rEQtT9EbpA3QUf0CAq"
    "srQdZpp3pfRRV8I4mN1BZqEMCb34OeRTo3CW9+jbqYiC5Sl7BWN1GkTrOJ/G+hu2zCnZtr"
    "jnpSUo96U0ZdERcb7iY1oYzbZzxBjrqMm3+r2Aw3ZaMKKbAziC1hDhMvk9Uh9h64YMJG/t"
    "NBtsmnwJ9gTMmM28tjUSNdmMcyaxGIWr994BBvC8gmwKDQEQef2aZIfwVsgQ2FQb6th2r7"
    "vOH2eVtqubXbTv+LjCqCHEl0EONazqSbIcfh+rwizkkpzTpL7Y4wP527LMihQBfn8sa3+H"
    "S54DwTdlPlgjWn7DK7KMMpHRFqXX3IY2K6zH1zyGPlyOFa2eP505xQNXv0b/UL2SOSjSqc"
    "t02NKX5EwRlbFjIniHrUTFA7bklyqmcqSGBFWc3lGs7lds8yGmT51sIxxthSE4z8yRwT0Q"
    "ENGTh3XK2rPStw84p1tRo7vnrjse/ILb+3F8nozT29uaeJWP0pfrUa6sG54SpLPXameIGp"
    "HpxgXs5WvyMzbjnzgQYLbuBPwQMHRfwFR8Rl0v6WRSL6UZ4PesQm4g8VRSOUpU8306UyVy"
    "jI+PZrFsjTfnR6ULMsfp3FX2Mmyy5rezQK2nq2a6Q+qWC6hgKvusgsw0xVPDJ/WoYCHZyY"
    "texuMfSksEDzd1+C9h0412zbey+7PuSsRRS2NWecNQzTWo84C2zpKl6EuIz2ImgvgvYi6B"
    "Bhvaubv6ubsBcMQ6z9FXdgklK6slphUqkPVhbf6jmlJ1FXrQR2ZUZpcmI1KqH0CmLrzKUO"
    "oT2VdzN2u1/o4BQx4kNDtqyQUDqGFEAwJpaoZyuPZBL9jMgTWEBHJnyqU0RLyindlX5LOX"
    "FlB/rIpnYc2RQfuLJBu5FIB70aBx8OyrjbPhzku9vEvdRWu/dNVAA5ktAYl8OYmxLDR2hh"
    "EzMF5y7SKGnJLp2JsRX1koqKcKuq9LiUBn9t8DUPW2VUtpaHNWXTXpiuV17STq5pG9wvYd"
    "v6+T9lo239pEkRHxuYpH0gzm5YiEsG/y3CblXt1FcTXWXiis1GvRffqL14bcduw8bSm/K1"
    "lTvRFKH+6StS5KthHEl0YIN5G8mp7kic4VgJ4khEY1wKY5091zn7Pj6+xGUGqVa3LSbSxb"
    "Vg40neJmLc+MsinB84EEnosIHEh7SJsIHdp841a77XEfGpQzPy0e9WaEaTfEX3aDa3IMt3"
    "FoUN+qu9RcxvW2EvVFayJQwbyPG2NEUNXABFPS3OnqQDSAz+R+AZ+vKCb5D2hbDt1efyav"
    "h7aRziLUwwocSdKw6U2dZDdTp4wx1SuvRunauZPpln4yfztMM50u7sBu0eqR/j3DN68pNI"
    "unZGz9YzScJQPGQzZfhF/vxWyXYv9aEeSqczTOrNMBGcdkhoxWUxKaVBXgUypshQ23LFR3"
    "4lBLdn0X17UK9Bpw/+0s6efuucPdeE4TE2oD8cWWdPokG/0Nljx5pWLu4B/Wrq0RFHwuni"
    "HePrVYYHDD4gWSndnQNiqwq0v7w7ZQhRrHZ3vL5HOpTon16Eul/NXkiJVuhpzueLI4Hxx8"
    "QH2p/twafak405avKPZ+0M2qkzSNd53wbz0/VYdD2WlkYm6cIiurBIZwqLRCZLBdMiIaTT"
    "hDWf03xul3zuFnGcDWzhfEaXatIv5HQ00bh0woc8u2SGbPaNAyxsc57lIOYdVOuwWNH0j2"
    "BKFoC/zhIsEBWnazFjisy+l95h4vGYszjxl2RjUnAELfErHTCn5BHlZI1s/flK3hj+Cl89"
    "xlLfdRpKo4ierqmta2rvBjv0BFUby7ne87B9lxJuNxYMYSOo2PPJBTNorrFUBZbMLVxlZo"
    "btNZoKNGfYcZTHYufiGZPQiKrmp0vnlutUmaGRhEZUgai0aBX7uaeEWAjaOUE4oVAK0xGX"
    "6tTqfXpzc5mgoKcXaa/K16vT89s3B6lio1mkuWUqfnUG6fxElkhCJ7IUe77WSGTRFTjWGY"
    "om+WUCTJpcCbFFQ1vBx5l2cpSFNS2ngS2uMRnilQW5epXJu3hn7UR3ZaHJ9ARTl5pU6IdN"
    "AFy+jGdb4W1wHc9blHuWqH+rv8LpXeUsUeA191LG5ohiYgJuElPgkBkCPkzOJ3kkqOeC7o"
    "uoIy/8SHiU5xY0wsNERQrZCI35hFP5tet8lNqFbZC5N8/l07xPI3B7aid2o5zY4ViVzlEJ"
    "B7d7wQj1pK/FPoJyEEcSXcR44wUedr4P0zTAW7UR027wdDWLLShQczxc4zjolJgOM0qi+m"
    "Q5T+vAmpbTuKZXo4lLkWKHId9NGxPRflrtp23EjG+Fn7YpAXSRZ0zlPkj4zQo8CKHvqbQT"
    "Qahhr86xoOXcsgB4Jri+DEajmDFkA2xL3s77sh3ofeey+LEf4/ZR3qVkIZOeOIXnDyJUlL"
    "SRKVFYUfZmi8/VlW8asbrluw92b/92vfrNGibaZqyzEovVNqHejHW220pNjeJq9RS9mcLB"
    "2+NK/sRQooMYb750uA4CaRS5CNyITKFVVjsfmfJs2tcUyew7EqvBlxB6zejpVLF8PfxqU8"
    "Xia0UiD0vhkzr1e/jy4y2ywtSunPCEbA5Yy+ZEXpRCTmhSkLT1UtxC/n/qddgl5LbjVgmA"
    "K/SuxNAt42QJh7ecs+UX4e2AUY4gcODSAdAOAijAlL+THxkhi/zCMUM08nfEDqCSmYQyv5"
    "B/86KQDCNZJ8sWnlc1/VBO0dlIn/farDMBC8oSe6OVGYH81KZQYHupDm0pmUvmyFbm4nxG"
    "Bp5BS41oTCptZHlie754t0zV87OLq5PLN4P9/lEqrSHgXEf7aWbrQzVUFQfM5wJJqVdNBi"
    "yiThYrnKAxKT1BiyeoD1XFCZqUes0TVNogFVajsL3Ou1OsR3CmDjsv/NojoRd/7E3Dd9Nf"
    "u8770Xk/zQZW5/3ovJ+WwNvgvJ/7KEClp/Ivxe/3C11LsVCXkk6lG5FMQ8gDMqWD5pN03/"
    "CuJ4jOOe5MxMbItBwyBsJC7ANvAe8DUbHQkS4eGUbj2oIEAY+/i0YihEYesmBAy3P+ZF1M"
    "W3+60uGUXmfDxxeXSk6Kea8hbGwhs27hZPF5xx6R0Akv6Ve7xxrpHtPGSE1WnvjiK/I8Tf"
    "NyaF6k2TKA5vscEkKvOj/nEVpuZfgSQq/ZY6N9DDV7FHdxqFPTQK31wCFdCVwZ8VJHJXBp"
    "j3PbHVLVoXD5kKflNPQvgn6Y65goNwRxeT0UlYeCojES+llhAOfjnxDSoFcGXZy5PTQ4Oh"
    "NCK+mejKAGfw3ww7irClZiTErvOxdbiXGfWAVDMSXWRVtx4wcf+aoAO5z+jaqZ5RnJ7h0G"
    "uvnSLQ5xqUp1FKQLhRJbVNWJ7bQ24jxHtqmMDSqu0htJrVemdy20wyutLdSr0zLyJ3q30j"
    "J0wMg6n1qVw7B827wiqikxXaOmMFpEhzJsJpThlquQ24uz+55yCm8C3rNYX62cuCvhTX25"
    "CXz5bwDXXy8vtxsr8vx/2l3Fdw=="
)
