from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "pauses" (
    "key" VARCHAR(257) NOT NULL PRIMARY KEY,
    "by" VARCHAR(255),
    "reason" TEXT,
    "at" TIMESTAMPTZ NOT NULL,
    "until" TIMESTAMPTZ
);
COMMENT ON TABLE "pauses" IS 'A queue or a task that is paused now; the key is the engine''s, `q:<queue>` or `t:<task>`.';
        ALTER TABLE "jobs" ADD "limits" JSONB;
        ALTER TABLE "jobs" ADD "stuck_reason" VARCHAR(32);
        ALTER TABLE "jobs" ADD "max_deliveries" INT NOT NULL DEFAULT 3;
        ALTER TABLE "queues" DROP COLUMN "paused_until";
        ALTER TABLE "queues" DROP COLUMN "paused_reason";
        ALTER TABLE "queues" DROP COLUMN "paused_at";
        ALTER TABLE "queues" DROP COLUMN "paused_by";
        COMMENT ON TABLE "queues" IS 'A queue that was ever used.';
        CREATE INDEX "idx_jobs_final_reason" ON "jobs" ("final_reason", "created_at", "id")
            WHERE "final_reason" IS NOT NULL;"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP INDEX IF EXISTS "idx_jobs_final_reason";
        COMMENT ON TABLE "queues" IS 'A queue that was ever used, and whether it is paused.';
        ALTER TABLE "jobs" DROP COLUMN "limits";
        ALTER TABLE "jobs" DROP COLUMN "stuck_reason";
        ALTER TABLE "jobs" DROP COLUMN "max_deliveries";
        ALTER TABLE "queues" ADD "paused_until" TIMESTAMPTZ;
        ALTER TABLE "queues" ADD "paused_reason" TEXT;
        ALTER TABLE "queues" ADD "paused_at" TIMESTAMPTZ;
        ALTER TABLE "queues" ADD "paused_by" VARCHAR(255);
        DROP TABLE IF EXISTS "pauses";"""


MODELS_STATE = (
    "eJztXW1z2zYS/isYfWkyo+Qc2bFzSaczcuJc3LHjnC03fZmOAomQhBNFMAQYRZfLfz8AJM"
    "V3mqApmmLwoakNYkn6WWCx+yyw/NabEgc9Hdp4RJbI6r0E33oWXCH+Q+JKH/SgbQft4lcG"
    "J6bsCG08ZqITlb0mlDlwyviVGTQp4k0GolMH2wwT8YTeENgOmTtw9RMFUu4lWEC6QEYfrD"
    "FbAAgcYiIALYP/BxD/nwEZeipubpApvzu25ve8j2vhzy7ibz1HbIEcfre//ubN2DLQV0SD"
    "X+3leIaRacRgwYa4gWwfs40t225vz9+8lT3FO07GU2K6KyvsbW/Ygljb7q6LjadCRlybIw"
    "s5/L2MCGCWa5o+ukGT98a8gTku2r6qETYYaAZdU8De+3nmWlOBNpBPEv8c/eK/WqTbePz+"
    "ajS+ORuNx72UlsQrJAD3m6bEEhrGFhNAffvu3TcERLb2xANevxtePzo8fiwhIJTNHXlRwt"
    "X7LgUhg56oBD1EWf4/hfPrBXSycQ76J5DmL1oF46AhBDkcygF8AUA7gLS3gl/HJrLmbMF/"
    "HTx/XoDxb8NrCTPvJXEmfO550/K9f2ngXRN4h/iKmaGCb9C/g/g+Oy4B77PjXHTFpTi4Lk"
    "XOOMtO5OMbEakEsW8E2onwTkawtPhjYfBVcI5L1TOa77bIjSF9fFQC6OOjXJzFpTjMUwcJ"
    "KMaTjQrMcSk9okuN6AA0yNJQv+FXGF6hYrg9yQTchi/6NPhhHy02/wONK8vc+AOjAPzR+e"
    "XZzWh4+UE8bkXpZ1PiNxydiSsD2bpJtD5KWvftTcDH89E7IH4Ff169P0t6Mtt+oz974p2g"
    "y8jYIusxNCKGIGgNUEsuFlVUHhGrQd8tm2x7ot4Ak0L9oq825reroOK4pNZym7XsoC/cs6"
    "gykeOSWstt07IgAmbLSJAqGiZwulxDxxinrpAByeubvrQarJIt0IJzqSSB5vd+QMO4BmZn"
    "FnM2vTRFE17rF5A0otfYJPNyHM3HBQEGNsB6AVmf/4usPpg5ZCV+dHh/QaqIa2DKXwWQGc"
    "DsFXDQzKX8foARkqZr6rllzczNKZ6fW0yBu+HDOjkH/QnX3hBhLl7hyT8Hg8PDk8HB4fGL"
    "50cnJ89fHLzgfeX7pi+dFEzb0/N/nb8fxWehaChmdNQtY5PebKP66K4zy20KcVQCxa2Ajh"
    "Hbx9u1Gt76aTsoOXPF0etLdJAXrZ9LYtDhq7YSXbeV6N4A3ol9IC6bErXUSUSkg6O4fjNh"
    "IAaxmUb415ur99kIhxJJZwZPGfgfMDFNOZV1AR1JBk5cbDJs0afisQ+RDxQIxRyZAOZHl8"
    "Pfkxp4fXF1mvRQxA1Ok1bbMPhVqmS2Q5HumZV6zHYrot63WL5cIt6Vrf38SHfGr5feiSA6"
    "A7aNOrEFiAPWkIIVNNArHoJSMNkwRPkclVd5zAkod1kRcLmyHdkBG1l7E2q8s96t0IR10r"
    "sVWuvVUPxfNJazRY3BicvdzeTsA9oNkjkRBSzg4PmxyhAPJTo4yHeQZicWQxbzUFKAOSnX"
    "HNhi/TXxFAok/0GmDLEn/GkIrnZluhN+/eBFGcd+8CLfsxfX9Madxo35f8hEEeNQonsQ72"
    "Qc650k+eh3i3xvRZz2K5n0UmGaaOznR2l8TpcM0q4sBHjvlzIiMiFlYMkRsHiwxEedt7vb"
    "NCORlswcpiOy6re5O/z61gtxSkwhbrdEZ/TVFpQD/5O2YPpo+cM0mGM92ZlDIn+Rszpyb/"
    "GyrsRtl08JnIlmnsax5egGIVEzz4ys2rU+RikOz1/w7rHYtSz1vKu1Lj8Wjw+nsojHpXTI"
    "UiaboxiqNB+i7LefHFrC0jH3VqKDGNefyLEdTBzMMja236y4L5DLKkXlmuOUBrtC2SOUDg"
    "cnx1sKSfxSRBrdXA4vLtIskbDJSnkxv/+9smIti+6aTn/JI5CZ+a983KMyGvvq2PNL4v0V"
    "kA8lNO7VcUeOk7XLLB/2rYBGvTrq3LuYLsciWM9w+0Y8CMp1SqJiXWDwijijs99HxchvKa"
    "OLq/f/Cron1ZHY4sAYWtksw8bn+ihRkeZ8lIPd+iiDZ0cnRy8Oj4+2jsq2pchbSTsq0h6o"
    "wBkKaDBTXh8y8Rfk4KzkbC6gcSENahJUEfpUmPZJseaAfbYnwOoUXxNn8/EKEZeNM4buW5"
    "PAnMEbk0ogPRNi+4d1AbRvrm5PL87Ah+uz1+c3576/tk0nyYuSD/9sYiYhuD4bXqSDvymP"
    "45SP5yfl9LAuNawN15HbHcYrxX1ICcFKVrltcD/IPqQ1xCJXo4p/TEyjXxX9GbagOXYQpG"
    "rHZJJy3TM3h4MS1uZwkGtsxKU41piODdfbYJURbp8SYiJo5WQPE6IJuCdcdlde4Lal2bX0"
    "9OrqIhZ1n54nw+rby9Oz60fPHsfX1KxoJsBO2OslUlpXM4W7N9p3c7KRgzE28QozVdTTkh"
    "ryUpBLzJQyB6GEZlKrM6lCs5VYk7RgcwH+4W5dmfqYE8SgaiIyKqOP6NU+3qfQmiLTVK8i"
    "l5DTZr1cHTkJW66fnp+qSQl2AfCmkzVbEPlfTytuws6+ha4N1bbaUBl6pwhZ1VUekdbabr"
    "O2KXOnywp6jsppDbdfw+pkV1KuC2vorskufV7ph5hScpN9FS3HBLXZbLOOHbeK+xNKae22"
    "WbuUQaeaoY5Lai23WctTsrJNVHFBTshqTbdZ0zOIzUpqjglqHbdZxyGLWpWW0JreD027tl"
    "ExjIpL6jCq1Wqm6HNav4VlsDwBXf+q8s6nFaIUzrM24mALOpu8rOJWKLkFJyhJ1hlbeeqn"
    "Arfz57fh9en5++H1H9m5lNOM1OHpH6OzYVtqT/5KJkNvI30vq7RJcK1fWOEkthe/XKUT5m"
    "xE6RHo1SpZL0jwqQRRoWRB1gAz8SlLlFFzUl08o7LJX5FqS/7b9/5OlDtRqnKhv7BQr1HK"
    "r3zReGGt1q0Nu6+sBcN5r3YSr2sLcG37dWT9JbUES/a+1k6M2dqLXKyJs0RKn+QIJbqXut"
    "rJfpsFoUofNQj6a3hLwWtnrWn5xVnK+hR7gG3NllYfnnnQEso6dfIDcDMytqryrc+InNZw"
    "mzWsD4E+tCVV35Old2Op7MbS5ZXusFm6vNLe79hvC8f8mrhWNsPsXekX88tT0akku/yOrA"
    "F/kY2ghqn43JCDAHRkoWsimGMOdB/InXaSLPaKib4CS2SzPqDEK41tEWDzPwV4D5YfLZIv"
    "lGajd/+4TPZajvx+sqCvXxlVE9ktWtDziexAh2WX96B/BwnBnTAqukR2QyWydQnnHbPb02"
    "CRLG+qtyKdKTrXgLVui7v0Bm4ynSXRfoerZMBNSUfpo/A8JCED1pgtxJcbucPC5cGj29Hr"
    "x2lXp4xAprPi8T0ZLot2VFoz9IscFXWeT2+w2wOKT/uf2v/shP+5PYyhkECNyXTGR6otie"
    "odfFDAMxTQYCbB3B4vUBmfURkNaTo5wp+nBGhEQsOZKgcYJu3G1F1VzvgFwp1BuOGc3wJT"
    "Hjo5MEMD+XmpmJCu61VLyqotTMA74jq9LCpAXugXcwEL3udeZIC4QZilgGBFLLb4icosBh"
    "9ReEqBhbiIRfhVwwCuDY4O+4ODA7DClssQLUsi1PMgTT7srQnU5IMmHzT5oMkHTT7sr6+s"
    "yYc2gqnJB00+tBtOTT5o8qGqBjT5sEPy4YLMe1ncg2jvF1MPJpkrVAPgvfkosba7Jv3DxK"
    "/AJ9H6KdgXOXPICjwLeAPMsmsD3OdmJSsFiFnI75WiEL71Qmj5PP2CzJ7ogb7a4jvU/A/e"
    "gu5D6o+xYML0ZGcOmPzlu2YkWslI6AIEugDB/h2LlQarPJxBd41lFpbStCsYgK1AB+d/md"
    "mfP/dTMz+3BlX+4aD8ClT7iW8TJ4PiFJbFOLgqbn9ERJ+G06fh9nDM61r8XU0ztSV8vpSp"
    "6V5WBO1f6hcH0X5uu1wcnZ1Y927BY1/IPgFMeZxLwQTNsWXxEVA2O3/3TXTmvYNxrs68d8"
    "Yk6sy7zrzrzHtSpjOJIp15byOYOvOuM+/thlNn3nXmvaoGdOZ9V9TBB+jSDNrAa+7nUwa2"
    "6FCSLRj6NYmIAyBgkC69nfc8uJd3ETvt169kIaIl2ohm8SN35bCFfqJ98Onzy5/lDX75JG"
    "7xib38Wdzkl09pSmGnT8rgHcpyC/xpKv65370ex/xhyYVECFRkvsIQ6KQgBDp5fAeTMFGC"
    "elId6ZaR2g1Em3lVIvOTB92qEtl03kCTYp0kxVyL4YyM/h2fEwuEdCnjtum2FY7cv4Xfkn"
    "bkvOYCR076O4qOnHSq1pAC9AU5QDhW+a5YTt97OFOqbGe9PGeL3Km6WM58X4oiVOXT0xEx"
    "vRRpc5Vlrq4R/5+BnA+EYl8BCcuV6lFgxBy/bzkzNuJBn0g1O2TtmScKN1Qc82YErBd4ug"
    "AUffZCwy9IbN8WNXaxFZbKzThqXtM972EWs/LXNytomj9KBvtwcHK8Zc7EL0XB5s3l8OLi"
    "7rR0+78L2i1y0nEtxe3uoUQXIsxdpzH154zzoXcQNK4sc+OPiv1d5uXbt2KVv/FOIqUX9+"
    "BCwZpOg1NMJUMTiufWE2x59C4jSyQOWlFkzgTPK2q5UMYfYfT5Mm1u5Laym3fDJ4Pnx1mx"
    "y/1uVvMqfnt7/kZhBXddbDwVMrsJbyK5GPkk8c/RQyRivK+weNMqOmHkn168rPMw1MlcZ/"
    "KhjojUiXfa6DXpOd0H3Uh2g7+8UnrD79/BjUf1l2OXxme8gHShAnFcSjMfdzpGeot+1xwj"
    "f3QWM/G0mi9M9YcFH1q9pTIt6KuN+e2qfDwyJtnBWd0pNesvhHZcw7yrqGqh4gJFRDQzdL"
    "cDxMP3rM/+FOAbCHQP3do2z7SChBlBuuylGBjZ2s+nX8TGt9Lci9xqBylYE2eJHAqgZRHX"
    "miIDYPZS0iNE9qbyu4SCUxGbIMHNdIFWUNTOEV1s6PAXZFw+i5HZxSN0ErpFc6VfwNfs1z"
    "Gn7Y97uhT4EykNdf7+8IiI3h0ec6pqqdwgjZiKPkIJrY761aF3xXQv2miFq3ZLUcYXGGRr"
    "gasmUhOlXTWb9+Uzc70gYAU3MtEFsJXlcRX01AmuJubNPRJc3PhnbTHO95W2AtpBLXMS4m"
    "Hd/1KrcDPe527OmRBTCd2gv04olkgo5ua+8/HNz313AeKdDGEbUrom3BvIztzmn5hKCXYC"
    "8aZPThmYCiSqJAUSojov0DZPXaftyxm57qbtRSjCVYcrReEJWT2/2za/WxGJf5Rphl4qFv"
    "fb+/nRuJ+gKBePf/Q+QejJANshU0QpoBAbfspCbDk1Ic34/ICaaM0Re76vWKeb2M0oMj9q"
    "XxCqlIIN+nfCRWzCKc8ayrlHeeyy56P2AdyaizmJb6UqhehbgQ6O1fpj9PBQdtmETyihS6"
    "TfI7NjEpYBe/5pv6B/Z8771WYhJi7NKMSTP4CD/u3IV4rndSZfaRJij004H68yxvZbk8C8"
    "z7LE5RKamQnBfRvlBdC/ubo9vTgDH67PXp/fnPtq2AZD8qJo4g1YFlrvXZ8NL5KnCGxXCW"
    "G/v0b2TmQdSseTDctaFIuOY8fEOmOkGz6U/YWHszir7le+uxcR6VzKq/4NV9w5dqqxmHHJ"
    "DrKY+05m6X1DP5KCGbHtivM4Kqk56bZpuRWc9BA5eLropThpv72fz0nDsMddlHS+SmumkH"
    "+UskT3jKjz2eJ9ccv2mzMWU0oBYb97B9F9dnBQhuY8OMjnOcW1jK9BZp07u+NrkJknzxrg"
    "ivac63zQZez7/wHdZb3J"
)
