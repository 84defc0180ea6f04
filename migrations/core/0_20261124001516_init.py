from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "api_tokens" (
    "id" UUID NOT NULL PRIMARY KEY,
    "name" VARCHAR(255) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "user_id" VARCHAR(255),
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "created_by" VARCHAR(255),
    "created_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,
    "expires_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ
);
COMMENT ON TABLE "api_tokens" IS 'A program''s token: hashed, with a role and an end date.';
CREATE TABLE IF NOT EXISTS "audit_log" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "actor" VARCHAR(255),
    "role" VARCHAR(16),
    "action" VARCHAR(64) NOT NULL,
    "target" VARCHAR(255),
    "outcome" VARCHAR(16) NOT NULL,
    "detail" JSONB NOT NULL,
    "address" VARCHAR(64)
);
CREATE INDEX IF NOT EXISTS "idx_audit_log_at_63718d" ON "audit_log" ("at");
COMMENT ON TABLE "audit_log" IS 'Who did what, when, from where, and what came of it; refusals too.';
CREATE TABLE IF NOT EXISTS "files" (
    "id" UUID NOT NULL PRIMARY KEY,
    "name" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "content_type" VARCHAR(128) NOT NULL,
    "user_id" VARCHAR(255),
    "job_id" VARCHAR(128),
    "created_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "files" IS 'A file that came in or was made; its bytes lie in the store under its id.';
CREATE TABLE IF NOT EXISTS "jobs" (
    "id" VARCHAR(128) COLLATE "C" NOT NULL PRIMARY KEY,
    "queue_name" VARCHAR(64) NOT NULL,
    "type" VARCHAR(255) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "priority" SMALLINT NOT NULL,
    "data" JSONB,
    "progress" JSONB,
    "result" JSONB,
    "error" JSONB,
    "stack_trace" TEXT,
    "attempts" INT NOT NULL,
    "errors" INT NOT NULL,
    "deliveries" INT NOT NULL,
    "max_attempts" INT NOT NULL,
    "user_id" VARCHAR(255),
    "timeout_s" DOUBLE PRECISION,
    "processed_by" VARCHAR(255),
    "duration_ms" BIGINT,
    "waited_ms" BIGINT,
    "final_reason" VARCHAR(32),
    "is_duplicate" BOOL NOT NULL,
    "deduplication_key" VARCHAR(255),
    "rate_limit_key" VARCHAR(255),
    "metadata" JSONB NOT NULL,
    "cancelled_by" VARCHAR(255),
    "cancel_reason" TEXT,
    "cancel_requested_at" TIMESTAMPTZ,
    "cancel_seen_at" TIMESTAMPTZ,
    "stuck_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "queued_at" TIMESTAMPTZ,
    "run_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "failed_at" TIMESTAMPTZ,
    "cancelled_at" TIMESTAMPTZ,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "seq" BIGINT NOT NULL,
    "message" BYTEA
);
CREATE INDEX IF NOT EXISTS "idx_jobs_created_4516c1" ON "jobs" ("created_at", "id");
CREATE INDEX IF NOT EXISTS "idx_jobs_status_31b2f2" ON "jobs" ("status", "created_at", "id");
CREATE INDEX IF NOT EXISTS "idx_jobs_type_c3f39a" ON "jobs" ("type", "status", "created_at", "id");
CREATE INDEX IF NOT EXISTS "idx_jobs_queue_n_cbaa63" ON "jobs" ("queue_name", "status", "created_at", "id");
CREATE INDEX IF NOT EXISTS "idx_jobs_user_id_41ad0c" ON "jobs" ("user_id", "created_at", "id");
COMMENT ON TABLE "jobs" IS 'One job: its last known state and all that came of it.';
CREATE TABLE IF NOT EXISTS "job_attempts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "job_id" VARCHAR(128) COLLATE "C" NOT NULL,
    "attempt" INT NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "worker" VARCHAR(255),
    "host" VARCHAR(255),
    "pid" INT,
    "waited_ms" BIGINT,
    "started_at" TIMESTAMPTZ,
    "ended_at" TIMESTAMPTZ,
    "duration_ms" BIGINT,
    "reason" VARCHAR(32),
    "error" JSONB,
    "stack_trace" TEXT,
    CONSTRAINT "uid_job_attempt_job_id_0d8704" UNIQUE ("job_id", "attempt")
);
COMMENT ON TABLE "job_attempts" IS 'One try of a job: who, when, and how it ended.';
CREATE TABLE IF NOT EXISTS "job_counts" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "type" VARCHAR(255) NOT NULL,
    "queue_name" VARCHAR(64) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "count" BIGINT NOT NULL,
    CONSTRAINT "uid_job_counts_type_f25567" UNIQUE ("type", "queue_name", "status")
);
COMMENT ON TABLE "job_counts" IS 'How many jobs there are of one type, queue and status; kept, so that no page counts the table.';
CREATE TABLE IF NOT EXISTS "job_hours" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "type" VARCHAR(255) NOT NULL,
    "queue_name" VARCHAR(64) NOT NULL,
    "completed" INT NOT NULL,
    "failed" INT NOT NULL,
    "cancelled" INT NOT NULL,
    "retried" INT NOT NULL,
    "duration_ms_sum" BIGINT NOT NULL,
    "histogram" JSONB NOT NULL,
    CONSTRAINT "uid_job_hours_at_f7e187" UNIQUE ("at", "type", "queue_name")
);
COMMENT ON TABLE "job_hours" IS 'What ended within one hour, so that a month''s statistics need not add up 43,200 minutes.';
CREATE TABLE IF NOT EXISTS "job_logs" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "job_id" VARCHAR(128) COLLATE "C" NOT NULL,
    "attempt" INT NOT NULL,
    "line" INT NOT NULL,
    "level" VARCHAR(8) NOT NULL,
    "message" TEXT NOT NULL,
    "context" JSONB,
    "stack_trace" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_job_logs_job_id_a2efd7" UNIQUE ("job_id", "attempt", "line")
);
CREATE INDEX IF NOT EXISTS "idx_job_logs_level_cfe579" ON "job_logs" ("level");
COMMENT ON TABLE "job_logs" IS 'One log line of one attempt; `line` counts from 1 within it.';
CREATE TABLE IF NOT EXISTS "job_minutes" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "type" VARCHAR(255) NOT NULL,
    "queue_name" VARCHAR(64) NOT NULL,
    "completed" INT NOT NULL,
    "failed" INT NOT NULL,
    "cancelled" INT NOT NULL,
    "retried" INT NOT NULL,
    "duration_ms_sum" BIGINT NOT NULL,
    "histogram" JSONB NOT NULL,
    CONSTRAINT "uid_job_minutes_at_cc6f95" UNIQUE ("at", "type", "queue_name")
);
COMMENT ON TABLE "job_minutes" IS 'What ended within one minute; `at` is its beginning.';
CREATE TABLE IF NOT EXISTS "queues" (
    "name" VARCHAR(64) NOT NULL PRIMARY KEY,
    "paused_by" VARCHAR(255),
    "paused_reason" TEXT,
    "paused_at" TIMESTAMPTZ,
    "paused_until" TIMESTAMPTZ,
    "seen_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "queues" IS 'A queue that was ever used, and whether it is paused.';
CREATE TABLE IF NOT EXISTS "recorder" (
    "id" SMALLSERIAL NOT NULL PRIMARY KEY,
    "seq" BIGINT NOT NULL,
    "run_id" VARCHAR(64),
    "updated_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "recorder" IS 'The one row that says up to which seq the events are in the tables.';
CREATE TABLE IF NOT EXISTS "sessions" (
    "id" UUID NOT NULL PRIMARY KEY,
    "user_id" UUID NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "created_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "ended_at" TIMESTAMPTZ,
    "address" VARCHAR(64),
    "agent" VARCHAR(255)
);
CREATE INDEX IF NOT EXISTS "idx_sessions_user_id_80072d" ON "sessions" ("user_id");
COMMENT ON TABLE "sessions" IS 'A sign-in; the token itself is not stored, only its SHA-256.';
CREATE TABLE IF NOT EXISTS "tasks" (
    "name" VARCHAR(255) NOT NULL PRIMARY KEY,
    "queue_name" VARCHAR(64) NOT NULL,
    "options" JSONB NOT NULL,
    "schema" JSONB NOT NULL,
    "seen_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "tasks" IS 'A task as workers announced it: its options and the JSON Schema of its parameters.';
CREATE TABLE IF NOT EXISTS "users" (
    "id" UUID NOT NULL PRIMARY KEY,
    "email" VARCHAR(255) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "user_id" VARCHAR(255) NOT NULL,
    "password_hash" TEXT NOT NULL,
    "disabled_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "signed_in_at" TIMESTAMPTZ
);
COMMENT ON TABLE "users" IS 'A person who may sign in.';
CREATE TABLE IF NOT EXISTS "workers" (
    "id" VARCHAR(255) NOT NULL PRIMARY KEY,
    "host" VARCHAR(255) NOT NULL,
    "pid" INT NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "queues" JSONB,
    "slots" INT NOT NULL,
    "busy" JSONB NOT NULL,
    "loop_lag_ms" DOUBLE PRECISION NOT NULL,
    "cpu" DOUBLE PRECISION NOT NULL,
    "rss_bytes" BIGINT NOT NULL,
    "version" VARCHAR(64) NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "seen_at" TIMESTAMPTZ NOT NULL,
    "stopped_at" TIMESTAMPTZ
);
COMMENT ON TABLE "workers" IS 'What a worker process said of itself last.';
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "version" VARCHAR(255) NOT NULL,
    "app" VARCHAR(100) NOT NULL,
    "content" JSONB NOT NULL
);
INSERT INTO "recorder" ("id", "seq", "updated_at") VALUES (1, 0, now());
ALTER TABLE "jobs" ADD COLUMN "words" TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple', regexp_replace(
    "type" || ' ' || coalesce("error"->>'type', '') || ' ' || coalesce("error"->>'message', ''),
    '[^[:alnum:]]+', ' ', 'g'
))) STORED;
CREATE INDEX "idx_jobs_words" ON "jobs" USING gin ("words");
CREATE INDEX "idx_jobs_data" ON "jobs" USING gin ("data" jsonb_path_ops);
CREATE INDEX "idx_jobs_worker" ON "jobs" ("processed_by", "created_at", "id") WHERE "processed_by" IS NOT NULL;
CREATE INDEX "idx_jobs_priority" ON "jobs" ("priority", "created_at", "id") WHERE "priority" <> 2;
CREATE INDEX "idx_jobs_unfinished" ON "jobs" ("id") WHERE "status" IN ('scheduled', 'queued', 'running', 'retrying');
ALTER TABLE "jobs" ALTER COLUMN "message" SET STORAGE EXTERNAL;
ALTER TABLE "jobs" SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE "job_attempts" SET (fillfactor = 90);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "api_tokens";
DROP TABLE IF EXISTS "audit_log";
DROP TABLE IF EXISTS "files";
DROP TABLE IF EXISTS "jobs";
DROP TABLE IF EXISTS "job_attempts";
DROP TABLE IF EXISTS "job_counts";
DROP TABLE IF EXISTS "job_hours";
DROP TABLE IF EXISTS "job_logs";
DROP TABLE IF EXISTS "job_minutes";
DROP TABLE IF EXISTS "queues";
DROP TABLE IF EXISTS "recorder";
DROP TABLE IF EXISTS "sessions";
DROP TABLE IF EXISTS "tasks";
DROP TABLE IF EXISTS "users";
DROP TABLE IF EXISTS "workers";"""


MODELS_STATE = (
    "eJztXWlz2zgS/SsofZlMlZJ1ZMfOJltbJSfOxFNOnPUxmaOmOLAISVhTBEOAUTTZ/PcFwP"
    "s0QVM0xeBDDgNokn6No/s10Pg6mhEXPZk6+IrcInv0Anwd2XCF+H8yNWMwgo4TlosfGbyx"
    "ZEPoYIOJRlS2uqHMhTPGa+bQoogXmYjOXOwwTMQbRlPguGThwtUPFEi5F2AJ6RKZY7DGbA"
    "kgcImFALRN/gcg/o8JGXoiHm6SGX86thf3fI5n408e4l+9QGyJXP60P/7kxdg20RdEwx+d"
    "W2OOkWWmYMGmeIAsN9jGkWXX16ev38iW4htvjBmxvJUdt3Y2bEnsqLnnYfOJkBF1C2Qjl3"
    "+XmQDM9iwrQDcs8r+YFzDXQ9GnmnGBiebQswTso3/NPXsm0AbyTeKvg38Hn5ZoZhjvz6+M"
    "y5MrwxjltCQ+IQN4UDQjttAwtpkA6us3/7kxILJ0JF7w6u304tH+4Y8SAkLZwpWVEq7RNy"
    "kIGfRFJegxyvLfHM6vltAtxjlsn0Gaf2gTjMOCGOS4K4fwhQBtAdLRCn4xLGQv2JL/OHn2"
    "rALjX6YXEmbeSuJM+Njzh+X7oGri1wm8Y3zFyFDBN2w/QHyfHtaA9+lhKbqiKg2uR5FrFM"
    "0T5fgmRBpBHEwC/UR4Kz1YzviGmPBVcE5LtdOb756RO0P68KAG0IcHpTiLqjTMMxcJKIyb"
    "jQrMaSndo2v16BA0yPJQv+Y1DK9QNdy+ZAZuMxB9Ev5nF2ds/gua57a1CTpGBfhXp+9OLq"
    "+m7z6I160o/WRJ/KZXJ6JmIks3mdJH2dk9egj4eHr1Fogfwe/n70+ylkzU7ur3kfgm6DFi"
    "2GRtQDMxEYSlIWrZxaKJyhNiLei7Z4NtR9QbYlKpX/TFwfxxDVScltRa7rOWXfSZWxZNBn"
    "JaUmu5b1oWRMD8NuGkioIbOLtdQ9c0cjVkQsra5qtWk1W2BNpwIZUk0Pw2DmkYz8TsxGbu"
    "ZpSnaOK6cQVJI1oZFlnU42g+LgkwsQnWS8jG/G9kj8HcJSvxX5e3F6SKqAMz/imAzAFmL4"
    "GL5h7lzwOMkDxd084jW2ZujvHi1GYK3A3v1tkxGAy4/roIC/EJj/85mezvH0329g+fPzs4"
    "Onr2fO85byu/N191VDFsj09/On1/lR6FoqCa0VGfGbu0ZjvVx3CNWT6nEFfFUYwEtI/YP9"
    "6u1/C2T9tByZkr9t5AYoC8aPtcEoMuX7WV6LpIYngdeCvzA/HYjKiFThIiA+zF7U8TJmIQ"
    "W3mEf748f1+McCyRNWbwjIH/AQvTnFHZFtCJYOCNhy2GbfpEvPYh4oECoZQhE8L86N3016"
    "wGXp2dH2ctFPGA4+ysbZq8lipN27HI8KaVdqbtXni9b7D8uIy/K0vH5Z7unNfX3okgGgMW"
    "eZ3YBsQFa0jBCproJXdBKbjZMET5GJW13OcElJusCHhc2a5sgM2ivQktPlnvVuhidtK7FX"
    "pr1VD8NzLkaFFjcNJydzM5u4B2h2ROQgFLOHl2qNLFY4kBdvIthNmJzZDNfJQUYM7KdQe2"
    "WH8tPIMCyX+QGUPsMX8bgqttTd0Zu37yvI5hP3lebtmLOr1xp/PJ/L/kRhHjWGJ4EG+lH+"
    "udJOXoD4t874Wf9jO5GeXcNFE4LvfS+Jiu6aSd2wjw1i+kR2RBysAtR8DmzhLvdf7ubstK"
    "eFoycpj3yJo/5m736+soxikzhPi8JRqjL46gHPivFIEZoBV003CMjWRjDon8QY7qxLPFx3"
    "oSt22+JTQmunkbx5ajG7pE3bwzsWq3+holP7x8wbvHYtez0PO21rpyXzzdneoinpbSLkud"
    "aI6iq9K9i7LbdnI8E9b2uSOJAWLcfiDHcTFxMSvY2H654rZAKauUlOuOU5psC2WfUNqfHB"
    "1GFJL4oYo0unw3PTvLs0RiTlaKiwXt7xUV65l313X4Sx6BLIx/leOelNHYN8eeV4nvV0A+"
    "ltC4N8cduW7RLrNy2CMBjXpz1Ll1Mbs1hLNeYPZdcSeo1ChJig2BwavijE5+vapGPqKMzs"
    "7f/xQ2z6ojs8WBMbRyWMEcX2qjJEW6s1H2tmujTJ4eHB083z88iAyVqKTKWskbKnI+UIEz"
    "FtBg5qw+ZOHPyMVFwdlSQNNCGtQsqML1aTDss2LdAft0R4DVIb4uzubjFSIeMwq67huLwJ"
    "LOm5LKID0XYruHdQW0r8+vj89OwIeLk1enl6eBvRaFk2Sl5MM/WZhJCC5Opmd552/G/Tjl"
    "4/lZOd2ta3Vr03PldgdjpbgPKSPYaFbuG9wPsg9pDbGI1ajinxLT6DdFf45taBkuglTtmE"
    "xWbnjTzf6kxmyzPymdbERVGmtMDdPzN1gVuNvHhFgI2iXRw4xoBu4bLrstKzAq6XYtPT4/"
    "P0t53cenWbf6+t3xycWjpz+m19QibybETszXt0hpXS0UHl5v387JRg6GYeEVZqqo5yU15L"
    "UgXyEGVWM2SRl9mql1knUG7RmyLPWEWxk5PQLqpdySsJWaNOWsdk5wCIB3zWtHIPLfnjbc"
    "r1r8CJ1Gp29pdAr0ThGym6s8Ia213WdtU+bNbhvoOSmnNdxnDevjBt+FmuUe2SZaTgnqod"
    "xnHbtekyU5ltLa7bN2KYNus4k6Lam13Gctz8jKsVDDBTkjqzXdZ03PIbYaqTklqHXcZx3H"
    "zF5TV1lrejc07TlmQzcqLandqF6rmaJPef1WZrHxBXT6msYbF1aIUrgoiqNjG7qbskhXJJ"
    "SNoIcZhQYzVx4H4alo/PwyvTg+fT+9+K2Y3z8uCGcd/3Z1Mu1L6rifyc3U3wc7KspMENaN"
    "KxMUpLbS1ktUwNyNyBwA/VQD6yUJM52LBANLsgaYiZvoUEHKOHXxgsQEfySSpQRfP/ozk6"
    "1A6ZC6TpDe7qRUfnC987w4vVsbtp8YB8bjXu0gzdAW4Nb208v0KSqdNhIYYp9t/Yz6mri3"
    "SCmjfiwxhC0JHewBWRKqlJM8bK/hrQWvU7SmledWqGtT7AC2Lc+0eu/7g2ZA1aGT74Cbkb"
    "5Vk6v6EnJaw33WsD7D9dAzqfr5oWHtst32ySGdHeWOOUtnR9n5XeR94ZhfEc8uZpj9mnE1"
    "vzwTjWqyy2/JGvAP2QhqmIrbQlwEoCvz1BLBHHOgx0DutJNksZ8L8CW4RQ4bA0r8zLY2AQ"
    "7/VYD/YnnniPygPBu9/dcVstey54+z+TiDxIaayO7Rgl5OZIc6rLu8h+0HSAhuhVHRGW47"
    "ynCrM7Bumd2ehYtk/ak6EhlMzqgOZuu+mEtviecWWkuy4g5jacnb1LSVPgrjQ3IyYI3ZUt"
    "y9xm0W8YDYNoFgRWy2/IFK24X7OHhGgY24iE14rWkCzwEH++PJ3h5YYdtjiBbdab69FxXa"
    "Rz7FVGAladuoN6Otyjbq9y3ovfETd41V1CavNnkHYfJG5z8UYrYpmcGYZa3Fbf2zFgp4xg"
    "IazCyY0YkGlf6ZlNGQ5uMx/H1KgCYkNJy5BGJxnNCg3qpxkDEUHgzCHYcZl9zTIgsXFmig"
    "PBSWEtLprVqJkvWFfDgji1ER9yDKx9XUg0UWCmcAeGveS+woVhJsIX4J/hKlf4XRkLlLVu"
    "BpyBuUXVl4n4fVPB8gRiF/Vo5CSN2YZ6HPyOrubjzNSHTFSOhjB/rYwe5thpUTVn04w+Ya"
    "yyIs5dSuMAFEAgMc/3VGf/nYz4380pOn5VuCys+d7ia+XewHSlNYNuPgqpj9CRG9B07vgd"
    "vBPq8z8A01zNQX9/mdDE2PijzooGpc7UQHse16fnRxYN1/BPd9IfsLYMr9XApu0ALbNu8B"
    "daPzdz9ER94H6OfqyPtgpkQdedeRdx15z8oMJlCkI+99BFNH3nXkvd9w6si7jrw31YCOvG"
    "+LOviPMAVHOdrALx6XUwbShKzJFkyDk4hyv/0aUoA+Ixd4FJl+5rz1UjryInsed/gdKGry"
    "dEHjpxTwBXU5AVXDul2T+mFpga0Y1OUEgK8w1ZuSk0JDYKa7yPjkY6Z+qVpOcAiAdx0KCE"
    "BUp7tSgjqJTZ9Jr0BVns1wQeC+lpojWa3pPmu64R157V6O1zcqbtcV3Au7/ALxf0zkfiAU"
    "BwrImOi5FhXWuhu0rWevXy2RDMW5ZO1b2xRuqDgGywi3svFsCSj6JNOFcBNcbG8VmUewHS"
    "cQKTiK29Iz72HLF8X3LlfQsr6XCN/+5OgwYhbED1VcwuW76dnZ3WG7/t+WMCzyRlzlprYd"
    "OJYYgrm+7TCPvuSlHHru+JnntrUJesXuLvPy63uxyl/6JzXyi3tYUbGm0/CUR601fQooXt"
    "iPsf3SX1LJLRIHUSiy5oIuE7kuKOOvMMd8mbY2ctvN5dvp48mzwyIq7n4Pa3kVv74+fa2w"
    "gnseNp8Ime1wcgmuWr5J/HXwEES1n5vSH1bJASN/9eplnfugbuE6Uw51QqRNvPOTXpeW03"
    "3QjdG85R+vsmSH7Qe4MaP9JFVy8jGWkC5VIE5Labr+TsNIb2EemmEU9M7qOw+bcdWaqX54"
    "9dbiL9EXB/PHNUmpn5Ic4KgelJr1vQkD1zBvKk79q5hACRHNDN1tAHH3vSgZagW+ocDw0G"
    "1tX0IvSJgrSG9HOQZGlo7L6RfG62tzL6IxgBT4t79RAG2bePYMmQCzF5IeIbI1lTuZBKci"
    "NomBy9kSraDILSKaONDlH8i4fBEjs41X6J1TPRor4wq+ZreOgUT/3dGlIBhIeajL988mRP"
    "Tu2ZRR1crJdjmJqegjltDqaF8delfM8LyNXphq1xQVZKiXpRWmmghN1DbVHN6Wj8z1koAV"
    "3MhAF8B2kcVV0VIHuLoYN/cIcPHJv2hvZrmtFAloA7XOJvOHNf9rrcLdWJ9bQdcllhK6YX"
    "sdUKwRUCyNfZfjWx77HgLEWzqFQumacGugOHJbdQolIzgIxLs+hmJiKpBoEhTIiOq4QN8s"
    "dR22rzfJDTdsL1wRrjrcyAvPyOrx3bfx3QtP/KMMM4xyvnhQPi73xoMART1//KN/RZsvAx"
    "yXzBClgEJsBiELseXUgrQgPbuaaMsee7mt2KaZOEwvstxrXxKqFIIN2w/CROzCKC/qyqVH"
    "eZy656N2AdyWk92IuySVXPRIYIB9tX0fPc4+UjfgE0voFNL3iOxYhBXAXn7aL2w/mPN+rc"
    "0QNx4tSHVS3oHD9v2IV4r3DSZeaRHiGBZcGKuCvv3GIrDs2oq0XEYzcyG4a728AvrX59fH"
    "Zyfgw8XJq9PL00ANkTMkK0URL8AyEfXo4mR6lj1F4HhKCAftNbJ3IutSatxsWNGiWHUcOy"
    "U2mEm640PZn7k7i4tyKZWbewmRwYW82t9wxY1jtxmLmZYcIIu562SW3jf0PSmYEcdpOI6T"
    "kpqT7puWe8FJT5GLZ8tRjpMOysflnDSMW9xFSZertGUK+XtJS3RPj7qcLd4Vs2y3OWMxpB"
    "QQDpoPEN2ne3t1aM69vXKeU9QV3JZXdO7sjtvyCk+edcAV7TjX+aDL2Lf/AzTrcs8="
)
