from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "job_days" (
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
    CONSTRAINT "uid_job_days_at_387b9b" UNIQUE ("at", "type", "queue_name")
);
COMMENT ON TABLE "job_days" IS 'What ended within one day (UTC).';
INSERT INTO "job_days" ("at", "type", "queue_name", "completed", "failed", "cancelled", "retried", "duration_ms_sum",
    "histogram")
SELECT s."day", s."type", s."queue_name", s."completed", s."failed", s."cancelled", s."retried", s."duration_ms_sum",
    coalesce(h."histogram", '{}'::jsonb)
FROM (
    SELECT date_trunc('day', "at", 'UTC') AS "day", "type", "queue_name", sum("completed") AS "completed",
        sum("failed") AS "failed", sum("cancelled") AS "cancelled", sum("retried") AS "retried",
        sum("duration_ms_sum") AS "duration_ms_sum"
    FROM "job_hours" GROUP BY 1, 2, 3
) s LEFT JOIN (
    SELECT "day", "type", "queue_name", jsonb_object_agg("index", "count") AS "histogram" FROM (
        SELECT date_trunc('day', "at", 'UTC') AS "day", "type", "queue_name", e.key AS "index",
            sum(e.value::bigint) AS "count"
        FROM "job_hours", jsonb_each_text("histogram") e GROUP BY 1, 2, 3, 4
    ) b GROUP BY 1, 2, 3
) h USING ("day", "type", "queue_name");"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "job_days";"""


MODELS_STATE = (
    "eJztXdty2zgS/RWUXjZTpck6suNkk62tkhNn4iknztryZC41xYFFSMKaIhgCjKLN5t8XAO"
    "8kSJM0RVMMHnwRgCap07h0nwaaX0dz4qLHUwfPyC2yRy/A15EN14j/k6kZgxF0nLBcfGTw"
    "xpINoYMNJhpR2eqGMhfOGa9ZQIsiXmQiOnexwzARdxhNgeOSpQvXf6NAyr0AK0hXyByDDW"
    "YrAIFLLASgbfIfgPgfEzL0WFzcJHN+dWwv73kdz8afPMSfeonYCrn8an/8yYuxbaIviIYf"
    "nVtjgZFlpmDBpriALDfY1pFl19dnr9/IluIZb4w5sby1Hbd2tmxF7Ki552HzsZARdUtkI5"
    "c/l5kAzPYsK0A3LPKfmBcw10PRo5pxgYkW0LME7KN/Ljx7LtAG8k7i19G/gkdLNDOM9xcz"
    "4+p0ZhijnJbEI2QAD4rmxBYaxjYTQH395l83BkSWjsQNXr2dXj46PP5BQkAoW7qyUsI1+i"
    "YFIYO+qAQ9Rln+zeH8agVdNc5h+wzS/EGbYBwWxCDHXTmELwRoB5CO1vCLYSF7yVb84+Tp"
    "0xKMf5leSph5K4kz4WPPH5bvg6qJXyfwjvEVI6MOvmH7AeL75LgCvE+OC9EVVWlwPYpcQz"
    "VPFOObEGkEcTAJ9BPhnfRgOeMbYsKvg3Naqp3efPeM3BnSx0cVgD4+KsRZVKVhnrtIQGHc"
    "bOvAnJbSPbpSjw5BgywP9Wtew/AalcPtS2bgNgPRx+E/+zhj8y9oXtjWNugYJeDPzt6dXs"
    "2m7z6I260p/WRJ/KazU1EzkaXbTOmj7OweXQR8PJu9BeIj+P3i/WnWkonazX4fiWeCHiOG"
    "TTYGNBMTQVgaopZdLJqoPCHWgr57Ntj2RL0hJqX6RV8czC/XQMVpSa3lPmvZRZ+5ZdFkIK"
    "cltZb7pmVBBCxuE06qKLiB89sNdE0jV0MmpKhtvmo9WWdLoA2XUkkCzW/jkIbxTMxObeZu"
    "R3mKJq4bl5A0opVhkWU1jubjigATm2CzgmzMfyN7DBYuWYt/Xd5ekCqiDsz5owCyAJi9BC"
    "5aeJRfDzBC8nRNO5dsmbk5wcszm9Xgbni3zo7BYMD110VYikf48R+TyeHhs8nB4fHzp0fP"
    "nj19fvCct5XPm696VjJsT85+Ons/S49CUVDO6NSfGbu0ZjvVx3CNWT6nELeOoxgJaB+xf7"
    "xdr+Ftn7aDkjOv2XsDiQHyou1zSQy6fNWuRddFEsPrwDuZH4jH5qRe6CQhMsBe3P40YSIG"
    "sZVH+Oeri/dqhGOJrDGD5wz8D1iY5ozKtoBOBANvPGwxbNPH4rYPEQ8UCKUMmRDmR++mv2"
    "Y18Or84iRroYgLnGRnbdPktbTWtB2LDG9aaWfa7oXX+wbLh8v4u7J0XOzpLnh95Z0IojFg"
    "kdeJbUBcsIEUrKGJXnIXlIKbLUOUj1FZy31OQLnJioDHle3KBthU7U1o8cp6t0IXs5Perd"
    "Bbq4bi/yJDjpZ6DE5a7m4mZx/Q7pDMSShgBSdPj+t08VhigJ18B2F2YjNkMx+lGjBn5boD"
    "W6y/Fp5DgeTfyZwh9iO/G4LrXU3dGbt+8ryKYT95XmzZizq9cafzyfw/5KYmxrHE8CDeST"
    "/WO0mK0R8W+d4LP+1ncjPKuWmicFzspfExXdFJu7AR4K1fSI/IgpSBW46AzZ0l3uv83d2W"
    "lfC0ZOQw75E1v8zd7tfXUYxTZgjxeUs0Rl8cQTnwrxSBGaAVdNNwjI1kYw6J/CBHdeLa4m"
    "E9idsu7xIaE93cjWPL0Q1dom7umVi1W71NLT+8eMG7x2LXs9Dzrta6Yl883Z2qIp6W0i5L"
    "lWhOTVelexdlv+3keCas7HNHEgPEuP1AjuNi4mKm2Nh+tea2QCGrlJTrjlOa7Apln1A6nD"
    "w7jigk8aGMNLp6Nz0/z7NEYk6uFRcL2t8rKtYz767r8Jc8AqmMfxXjnpTR2DfHnleJ56+B"
    "fCyhcW+OO3Jd1S6zYtgjAY16c9S5dTG/NYSzrjD7ZtwJKjRKkmJDYPDKOKPTX2flyEeU0f"
    "nF+5/C5ll1ZLY4MIbWDlPM8YU2SlKkOxvlYLc2yuTJ0bOj54fHR5GhEpWUWSt5Q0XOB3Xg"
    "jAU0mDmrD1n4M3KxKjhbCGhaSIOaBVW4Pg2GfVasO2Cf7AmwOsTXxdl8vEbEY4ai676xCC"
    "zovCmpDNILIbZ/WJdA+/ri+uT8FHy4PH11dnUW2GtROElWSj78k4WZhODydHqed/7m3I+r"
    "fTw/K6e7daVubXqu3O5grGvuQ8oINpqV+wb3g+xD2kAsYjV18U+JafSbor/ANrQMF0Fa75"
    "hMVm54083hpMJsczgpnGxEVRprTA3T8zdYKdztE0IsBO2C6GFGNAP3DZfdlRUYlXS7lp5c"
    "XJynvO6Ts6xbff3u5PTy0ZMf0muqypsJsRPz9S2qta4qhYfX23dzspGDYVh4jVld1POSGv"
    "JKkK8Rg3VjNkkZfZqpdZJ1Du05sqz6CbcycnoEVEu5JWErNGmKWe2c4BAA75rXjkDk3542"
    "3K+qvoROo9O3NDoKvVOE7OYqT0hrbfdZ25R589sGek7KaQ33WcP6uMF3oWa5R7aJllOCei"
    "j3Wceu12RJjqW0dvusXcqg22yiTktqLfdZy3OydizUcEHOyGpN91nTC4itRmpOCWod91nH"
    "MbPX1FXWmt4PTXuO2dCNSktqN6rXaqboU16/pVlsfAGdvqbxxoU1ohQuVXF0bEN3WxTpio"
    "SyEfQwo9Bg5sqTIDwVjZ9fppcnZ++nl7+p+f0TRTjr5LfZ6bQvqeN+JjdTfx/sSJWZIKwb"
    "lyYoSG2lrZaogLlbkTkA+qkGNisSZjoXCQZWZAMwE2+iQ4qUcfXFFYkJ/kgkSwmefvRnJl"
    "tBrUPqOkF6u5NS8cH1zvPi9G5t2H1iHBiP+3oHaYa2ALe2n16mT6nTaSOBIfbZ1s+ob4h7"
    "i2pl1I8lhrAloYM9ICtCa+UkD9treCvB66jWtOLcClVtij3AtuWZVu99f9AMqDp08h1wM9"
    "K3avKqvoSc1nCfNazPcD30TFr//NCwdtnu+uSQzo5yx5yls6Ps/S7yvnDMr4hnqxlmv2Zc"
    "zi/PRaOK7PJbsgH8QbaCGqbibSEuAtCVeWqJYI450GMgd9pJstjPBfgS3CKHjQElfmZbmw"
    "CHfxXg31i+c0Q+UJ6N3v3tlOy17PnjbD7OILGhJrJ7tKAXE9mhDqsu72H7ARKCO2FUdIbb"
    "jjLc6gysO2a35+EiWX2qjkQGkzOqg9m6L+bSa6h4f3lQfoepZMJtRUPpo7A8JCEDNpitxI"
    "vXuMHC5cGj69mrH1QvJr9bQGms+HyPwmTRhkpvun6ZodLvV5L3xmnbN4pP25/a/hyE/Rkd"
    "xqgRQE3JDMZGai2I6h98qIFnLKDBzIIZHS+o0z+TMhrSfHCE368WoAkJDWcum1cctDOot2"
    "4c8QuFB4NwxzG/FabcdXKhQgPFcamUkM411UrIqi9MwFviuSMVFSArxuVcwIq3uRcZIC4Q"
    "RykgWBObrf5GZRSD9yg8p8BGXMQmvNY0geeAo8Px5OAArLHtMUSrkgjt3EiTD3s7BWryQZ"
    "MPmnzQ5IMmH/bXVtbkQx/B1OSDJh/6DacmHzT50FQDmnzYIflwTpYjFfcgysfl1INFljWy"
    "AfDWvJfY0a7J4DDxS/CXKP0r3Be5cMkaPAl5A8zUuQHuc7GKmQLEKOTXylEIX0cxtHycfk"
    "bWSLRAXxzxGln+hSPQA0iDPhYOmJFszAGTH75pRqKXjIROQKATEOzfsVg5YVWHM2yusVRh"
    "Kaf2GhNAJDDA8V9l9BeP/dzIL8xBVXw4qDgD1X7i28XJoDSFZTMObh2zPyGiT8Pp03B72O"
    "d1Lv6hhpn64j6/k6HpkcqDDqrG5U50ENuu5kerA+v+JbjvC9lfAFPu51Jwg5bYtnkPqBqd"
    "v/siOvI+QD9XR94HMyXqyLuOvOvIe1ZmMIEiHXnvI5g68q4j7/2GU0fedeS9qQZ05H1X1M"
    "G/hSk4ytEGfvG4mDKQJmRFtmAa5CSS++03kAL0GbnAo8j0c+hvVtKRF3n0ucPvQFGTpwsa"
    "X0XBF1TlBOoa1u2a1A9LC+zEoC4mAHyF1XzDekpoCMx0F7mffczqv149JzgEwLsOBQQg1q"
    "e7UoI6nW2fSa9AVZ7NsCJwX0nNkazWdJ81nXjffR0lJ8Q0f907BffCLr9E/I+J3A+E4kAB"
    "GRM916LEWneDttXs9dkKyVCcSza+tU3hlopjsIxwKxvPV4CiTzJxKDfBxfZWkYMU23EqUc"
    "VR3JaueQ9bXhXfu1pDy/peInyHk2fHEbMgPpRxCVfvpufnd4ft+v/exGGRN+Kl7vW2A8cS"
    "QzDXdx3m0a97LYaeO37mhW1tg16xv8u8fPperPJX/kmN/OIeVpSs6TQ85VFpTZ8Cipf2j9"
    "h+6S+p5BaJgygUWQtBl4lcF5TxW5hjvkxbW7nt5urt9MfJ02MVFXe/i7W8il9fn72usYJ7"
    "HjYfC5ndcHIJrlreSfw6egii2n9LhT+skgNGfvXyZZ37oK5ynSmGOiHSJt75Sa9Ly+k+6M"
    "Zo3vKHr7Nkh+0HuDGj/XTVcvIxVpCu6kCcltJ0/Z2Gkd7CPDTDKOidpfxWQ65aM9UPr95K"
    "/CX64mB+uSYv10tJDnBUD0rN+g2KA9cwbypO/dcxgRIimhm62wDi7rvqtSgl+IYCw0O3tX"
    "0JvSBhZpDejnIMjCwdF9MvjNdX5l5EYwAp8N8DTwG0beLZc2QCzF5IeoTI1lTuZBKcitgk"
    "Bq7mK7SGIreIaOJAlz8g4/IqRmYXt9A7p3o0VsYlfM1+HQOJ/t3TpSAYSHmoi/fPJkT07t"
    "mUUdXKyXY5idXRRyyh1dG+OvSumOF5G70w1a4pUmSol6UlppoITVQ21Rzelo/MzYqANdzK"
    "QBfAtsriKmmpA1xdjJt7BLj45K/am1lsK0UC2kCtssn8Yc3/SqtwN9bnTtB1iVUL3bC9Di"
    "hWCCgWxr6L8S2OfQ8B4h2dQqF0Q7g1oI7clp1CyQgOAvGuj6GYmAokmgQFMqI6LtA3S12H"
    "7atNcsMN2wtXhKsON/LCM7J6fPdtfPfCE/8owwyjnC8elI+LvfEgQFHNH//ov6LNlwGOS+"
    "aIUkAhNoOQhdhyakGqSM9eT7Rlj73YVmzTTBymF1nsta8IrRWCDdsPwkTswihXdeXCozxO"
    "1fNR+wBuy8luxLska7nokcAA+2r7PnqcfaRqwCeW0Cmk7xHZsQhTwF582i9sP5jzfq3NED"
    "ceVaQ6Ke7AYft+xCvF/QYTr7QIcQwLLo21om+/sQgsem1FWi6jmYUQ3LdeXgL964vrk/NT"
    "8OHy9NXZ1VmghsgZkpWiiBdgmYh6dHk6Pc+eInC8WggH7TWydyLrUmrcbJlqUSw7jp0SG8"
    "wk3fGh7M/cncWqXErF5l5CZHAhr/Y3XHHj2G3GYqYlB8hi7juZpfcNfU8KZsRxGo7jpKTm"
    "pPum5V5w0lPk4vlqlOOkg/JxMScN4xZ3UdLFKm2ZQv5e0hLd06MuZov3xSzbb85YDKkaCA"
    "fNB4juk4ODKjTnwUExzynqFG/LU507u+NtecqTZx1wRXvOdT7oMvbt/wgEfNA="
)
