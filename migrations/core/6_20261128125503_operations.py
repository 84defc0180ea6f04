from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "operations" (
    "id" VARCHAR(36) NOT NULL PRIMARY KEY,
    "action" VARCHAR(16) NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "by" VARCHAR(255),
    "reason" TEXT,
    "scope" JSONB NOT NULL,
    "matched" BIGINT,
    "position" JSONB,
    "page" JSONB,
    "done" BIGINT NOT NULL,
    "refused" JSONB NOT NULL,
    "error" TEXT,
    "claimed_by" VARCHAR(255),
    "claimed_until" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "ended_at" TIMESTAMPTZ
);
CREATE INDEX IF NOT EXISTS "idx_operations_state_c438af" ON "operations" ("state", "claimed_until");
CREATE INDEX IF NOT EXISTS "idx_operations_created_d9668b" ON "operations" ("created_at");
COMMENT ON TABLE "operations" IS 'A command about many jobs, and how far it is: whichever gateway lives goes on with it.';"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "operations";"""


MODELS_STATE = (
    "eJztXWtz2ziy/SsofZlMlSbXlh07N5maKjnxbDzlxLm2vLOP2pIhEZK4pgiGAK1oc/PfF4"
    "D4JkETNElTDD5MxgbQJH3w6j7daHwbzLGLXo4dc4LvkT14A74NbLhG7IdUzRAMoOME5fxX"
    "CmeWaAgdc0p5IyJazQh14ZyymgW0CGJFBiJz13SoifkbBmPguHjpwvVPBAi5N2AFyQoZQ7"
    "Ax6QpA4GILAWgb7D+A2P8MSNFL/nADz9nTTXv5xOd4tvnFQ+yrl4iukMue9s9/sWLTNtBX"
    "RIJfnfvpwkSWkYDFNPgDRPmUbh1Rdnt78f530ZJ/42w6x5a3tqPWzpausB029zzTeMlleN"
    "0S2chl32XEALM9y/LRDYp2X8wKqOuh8FONqMBAC+hZHPbBrwvPnnO0gXgT/+f4N//TYs2m"
    "009Xk+nN+WQ6HWR6iX9CCnC/aI5t3sOmTTlQ377vnhsBIkoH/AXvPoyvXxyd/CwgwIQuXV"
    "Ep4Bp8F4KQwp2oAD1CWfw/g/O7FXTzcQ7ap5BmH1oF46AgAjkaygF8AUANQDpYw69TC9lL"
    "umK/jl69KsD4r+NrATNrJXDGbO7tpuUnv2q0q+N4R/jymaGCb9C+h/genpSA9/BEii6vSo"
    "LrEeRO89YJOb4xkUoQ+4tANxFuZASLFX/KF3wVnJNS9Yzmx1fk1pA+OS4B9MmxFGdelYR5"
    "7iIOxXS2VYE5KaVHdKkRHYAGaRbq96yGmmtUDPdOMgW34Yu+DH7YxxWb/YHGlW1t/YFRAP"
    "7k4uP5zWT88TN/3ZqQL5bAbzw55zUjUbpNlb5Ir+7hQ8CfF5MPgP8K/nH16TytyYTtJv8Y"
    "8G+CHsVTG2+m0IgtBEFpgFp6s6jS5TGxGvq7Y5NtT7o3wKSwf9FXx2SPq9DFSUndy13uZR"
    "c9MM2iykROSupe7lovcyJgcR8zUnnBDM7vN9A1ppkaPMKyttmq9WidLoE2XIpO4mh+HwY0"
    "jGeY9Nym7naQpWiiumEBScNbTS28LMfR/LnCwDANsFlBOmT/InsIFi5e8x9d1p6TKrwOzN"
    "mnALwAJn0LXLTwCHseoBhn6Zp6Hlkzc3NmLi9sqsDdsGGdnoP+hOuuibDkn/DL/45GR0en"
    "o4Ojk9evjk9PX70+eM3aiu/NVp0WTNuzi79cfJokZyEvKGZ01FfGNrXZVvujv8osW1Owq2"
    "IohgLaRuweb9dpeOun7aDgzBVHry/RQ160fi6JQpft2kp0XSjRvwHcyPqAPTrHaq6TmEgP"
    "R3H9y4SBKDStLMJ/3Fx9ykc4kkgrM+acgv8HlkkySmVdQMecgTPPtKhpk5f8tc/hD+QIJR"
    "SZAOYXH8d/S/fAu8urs7SGwh9wll61DYPVEqVlOxLp37JSz7LdCav3d1N8XMreFaVDuaW7"
    "YPWlIxF4Y0BDq9O0AXbBBhKwhgZ6y0xQAmZbigibo6KW2ZyAMJUVAY91tisamEZebEKNT9"
    "bRCm2sTjpaobNaDTH/g6ZitqgxOEm5x5mcfUC7RTIn1gErOHp1ojLEI4keDvIG3OzYpsim"
    "O5QUYE7LtQc2338tcw45kv+D5xTRX9jbEFw3tXSn9PrR6zKK/ei1XLPndTpwp/XF/N94po"
    "hxJNE/iBsZxzqSRI5+v8j3Tthpf+DZIGOm8cKh3Epjc7qkkXZlI8BavxEWkQUJBfcMAZsZ"
    "S2zU7aK7LStmaQnPYdYiq/6Yx82vb4MIp9QUYusWb4y+OpxyYH9SCKaPlj9Mgzk2EI0ZJO"
    "IXMatjz+Yf6wncmnxLoEy08zaGLUM3MInaeWds1671NUp2uHzDe8Jm1zHXc1N7ndwWTw6n"
    "sognpbTJUsabo2iqtG+i7LeeHK2EpW3uUKKHGNfvyHFcE7smzQlsv1kzXUDKKsXl2uOURk"
    "2hvCOUjkanJyGFxH8pIo1uPo4vL7MsEV+TlfxifvsnecU6Zt217f4SRyBz/V9y3OMyGvvq"
    "2LMq/v0KyEcSGvfquCPXzYsyk8MeCmjUq6POtIv5/ZQb6zlq34QZQVKlJC7WBwaviDM6/9"
    "ukGPmQMrq8+vSXoHm6O1IhDpSitUNz1nipjhIXaU9HOWhWRxkdHp8evz46OQ4VlbCkSFvJ"
    "KipiPVCBMxLQYGa0PmSZD8g185yzUkCTQhrUNKjc9Kkw7dNi7QF7uCfAahdfG2fzzTXCHp"
    "3mDN3fLQwlgzchlUJ6wcX2D+sCaN9f3Z5dnoPP1+fvLm4ufH0tdCeJSsGHf7FMKiC4Ph9f"
    "Zo2/ObPjlI/np+X0sC41rA3PFeEO07ViHFJKsNKq3DW4nyUOaQNN7qtRxT8hptGviv7CtK"
    "E1dREkasdk0nL9W26ORiVWm6ORdLHhVUmsTTI1vF2AVY65fYaxhaAt8R6mRFNwz5hsU1pg"
    "WNLuXnp2dXWZsLrPLtJm9e3Hs/PrF4c/J/fUPGsmwI6v1/dIaV/NFe7faG/mZCMDY2qZa5"
    "Oqop6V1JCXglxgpuQ5iCQ0k1qdSeU9W4k1yQq2Z+AfNavK1MecIApVHZFxGX1Er/bxPof2"
    "HFmWeha5lJxe1svlkROwSfV0uasmI9gHwNt21oQgsr+eVAzCzn+Ezg3VtdxQOf1OELKrd3"
    "lMWvd2l3ubUG9+X6Gf43K6h7vfw+pkV1quD3to02SXPq/0Q0wpEWRfpZcTgnrZ7HIfu14V"
    "9SeS0r3b5d4lFLrVFuqkpO7lLvfyHK8dC1XckFOyuqe73NMLaFqVujkhqPu4y30csahVaQ"
    "nd0/vR055jVDSjkpLajOp0NxP0Jdu/hWmwdgI6/1XlyKc1IgQu8wJxTBu6W5lXMRRKh+AE"
    "Kcl6s1ae+a7AcP78dXx9dvFpfP33fF/KWY7r8Ozvk/NxV3JP/oFn410g/SAvtUlQNyzMcJ"
    "KIxS+X6YS6W556BO5ylWxWOLgqgWcoWeENMCm/yhLl5JxUF8/JbPLPWLYl/+sH/0qlO1HK"
    "cqFvWKh3UZJnvmg9sVbn9obmM2vBaN6rncTr2wZcW7yOyL+k5mDJj2vtxZitPcnFBrv3SO"
    "lKjkiif66rRuJtVpgoXWoQtNfwloLXydvT5MlZyuoUe4BtzSutPjzzrCmUtevkB+BmhG1V"
    "5a7PmJzu4S73sD4E+twrqXpMlo7GUonG0umVHlmzdHqlvY/Y7wrH/A57dj7DvKsZFvPLc9"
    "6oJLv8AW8A+5Atp4YJv27IRQC6ItE15swxA3oIRKSdIIt3yUTfgnvk0CEgeJca28bAYX8K"
    "2L1YXFokPijLRjf/ulz2Woz8YTqhr58ZVRPZHdrQ5UR20Idlt/egfQ8JwUYYFZ0iu6UU2T"
    "qFc8Ps9jzYJMsv1aFIb5LOtbBad0Vdeg+3ucoSL39EVTLgtqSi9CfXPAQhAzYmXfGbG5nC"
    "wuTBi9vJu5+zqk4ZgVxlZcf35KgsWlHpzNAvUlTUeT4dYLcHFJ/WP7X+2Qv9MzyMoeBATc"
    "j0RkeqzYm6O/iggGckoMFMgxkeL1AZn3EZDWnWOcLepwRoTELDmUkHGDntpsRbV/b4BcK9"
    "Qbhln9/KJMx0cmFOD8j9UgkhnderFpdVV5iAD9hzB3lUgKgYFnMBK9bmSWQAf0DkpYBgjW"
    "26+okILwYbUeacABsxERuzWsMAngOOj4ajgwOwNm2PIlKWRKjnRZp82NslUJMPmnzQ5IMm"
    "HzT5sL+6siYfugimJh80+dBtODX5oMmHqj2gyYcGyYdLvBzkcQ+8fFhMPVh4qZANgLVmo8"
    "QOoyb9w8RvwR0vvQviIhcuXoPDgDcwaX5ugKc8rGSmAD4L2bMyFMK3QQQtm6cPyBrwFuir"
    "w++hZn9wCLoPqT/GggkzEI0ZYOKX75qR6CQjoRMQ6AQE+3csVixY5eEMmmss87AUS7vCAh"
    "AK9HD+l5n98rmfmfnSHFTyw0HyDFT7iW8bJ4OSFJZNGbgqan9MRJ+G06fh9nDM61z8fXUz"
    "dcV8/ihc04M8C9qvGhYb0b5vu5wdne9Y3z2C2b6Q3gGTMDuXgBlamrbNRkBZ7/zjD9Ge9x"
    "7audrz3pslUXvetedde97TMr1xFGnPexfB1J537XnvNpza864971V7QHvem6IOrhy0m1mD"
    "DHUQVQ3l1AEOGpVkDsaAaUVrnp0IzrBHo3RGUTr9BXR5Sn2T8GT75nyFHpALlmxEbeCWjb"
    "IHRMASs3/YYOC8Qa5vvrnX5LAPRY75MLP23ILMHDWmnk3Np3nq+WSOvSFGEbbm/5ebFnV6"
    "np+XFklmBCyTZuVInmblyE+zUkCAzIOpVhbqSKKHFlz9eW10UvxG4Z1tVbDdte6DL6kFkk"
    "eWnFXus+tXcta23XVkjvNYS7l2HAq0rxn3yD+9hpRpYYpemJiQzv5c1SRkPWPmax/yMR+X"
    "0VEZ1Ue9kxt/VIB7fvCRxlwBcwPnhScW8k+47QjFfpFOLlp4JG9tlw/0mIgmnGqfApKE9H"
    "KVUpaQXmuUZQLAfPJHzUhKSvUB9xaMpSTPlkH7kXC7tLC+N6bL0SU6rlI+09gfaFzZ1tYf"
    "gXvS7f5k0Vey/1C9njPZ/a/Xt4D1ezXvhA/0M2SGxiDj/9wVD+W+T4c3KO333N3Lgl0AAY"
    "Xkfpd9zCRAPIVnG9u8FZex3KMtL+Y/MkXJtNFPZAjuvrz5VTzgtzv+iDv65lf+kN/u8lyf"
    "Db7pce+n1I/I3qai/PrNe+dJHL0qsqYjpfe0QOk9fcyZqJ0x2hnzDDtOE6azPhjQm80+oc"
    "RXMc+1Wd7Zvu2EIvd/XG/JKnK74gJFTug7ioqcUKo2kAARN8YVq51SxYcfEbfyueZyRQHF"
    "PMWsONQm19WqPuwJ6pjqmZF6T4t0SCGr66yIXBsjCNlV7iiPxPRm1rkFL76Z4U2V/o2k9H"
    "bW6d6dEeQ+VCKfUqK6n7vWz51QW64R+5+B3M9BSE1Gg8m0KFBmXL9tOXVmwrQMfuzexZud"
    "FkLglvCU90zVEGHxgKAvO4roAfFUdlwZMe3o2uCctPs1PfMJyk1ezPrNGlrWj3Ka/2h0eh"
    "IGdPBfikinm4/jy8vHj+izTsuiWhQ04wvomJmKMTOerZj6L5LoA9PU9JFu7UeUQ98vP2In"
    "dvkbHqfsWTn8RFhTsKsTv41Kgh62HBC24SKbkwmYiCS1fI+dYwOJPXfjmpQiG8y2ojx4h7"
    "u7DMelQ1GM+e5LeCMHYcfKoTEaf5vmObqzgMoVBGpSSy3bSyDQwxNWjTifuCdWCWC/vca3"
    "HL7QXXprbpJkQZYHKieEdKhysQewQqjyl4C+LzvqQwGtBT+uBTuuidnGrBQwEJfpH8b1n4"
    "3lj/dThuesLAVn25JiPTrgVltWGW5gYY9Oc3D93cJQgmxCKgXrgovtH7AFqL2/uj27PAef"
    "r8/fXdxc+Ct0aJOJSl7ECkyRQnRwfT6+TOF8z/4slSUiaN9DzaP+9WHuqmV+CNr3b+0dHR"
    "yU0eoODuRaHa9LnXV6QO42b4WQrrwxCb3oZhfdZ4zJ6hiy+0uMZf2c0J6v8s4EPtKzoVQP"
    "edA+dS/vgul/ck8+FzE0MaH29vLB7eRdU+Zr0wbVZpVjS8mjg/3mLWL7DLxAM2lasOfmXW"
    "VRkNEplNBqaQm11MGWOVcjBkKJFscztnd9upcQQ9W0CJGEzgDyhKwr0ow3xdpOUdYbre90"
    "St8Jjngr5lxISPXQwG4k54I+h9+zSAp9Dv9H7PW9iJ+59nICZOOVw8ejaKY8WEU0LHVlNL"
    "Ew5eEsMAxaeRNGs9wZHroDM7TAPIiVEp5lmp+qJsimQ0Cwf/qaBmWAq6tDnoFanPXBC/6Q"
    "XbW4PCD/nunWvyD3ki0SC1TiX1R8J3WU+voZMlTrm7t4XRs3d8UHRWlDPCbTQ1O8flJJzD"
    "bFXTaQ6eH+ur/7aVaN0nnJG2VY+N2WalH0kUQfAR6VuUKbtZJDPMpco63TjTRmWus8nW26"
    "FLj+qxInELbvzRmn+gKz3G0FZiCS0rECXVZaNOMnn0j7yf2UYfw4e1ApkUUopmd112Z1N7"
    "i9HR80yPJ6fsWwgNMLuKRhufQ9xFzav5i2n2AH3wvyiyBrwQkwG1NAKHuFMQSYzWHBp918"
    "GP8yenWSl77naQ+r+YT77e3FewXGy/NM4yWXqbLIPk58xc6liDfxf46f41BK/G62+IwRf3"
    "oxt+UR5OZaj3KoYyJ14p1d5dpkGp+Cro4hb4XnEIvPdAXJSgXipJQ+8/ooEasV3x9R8eUh"
    "V1X83ESnfnru7i1lzqKvjskeVyW9fEKyh7O6V92s7xDoeQ+zpjy2QEUFion0gTJvWgFi5r"
    "udM4EK8A0E+odubR6fTpAwE54sJMPATPwUIjL6hacYKc29iOsoIAEb7N7zLD/QtrFnz5EB"
    "TPpG0CNYtOY1huBUePA24NFda8jjn3gTB7rsAymTz2NkmniFTj/UobkyLOBrROaPqSrmSa"
    "kWT64EP+7pVuBPpCzU8tMrMRGdKSehVNVxqoWIRUylPyIJ3R31d4fO+94/a6MTqtotEVpI"
    "SlUTpQWqGndNlFbVHNaWzczNCoM13ApHFzDtPI2roKV2cLUxb57g4GKLf941PHJdKRTQCm"
    "qZ8L3nVf9L7cLtaJ/N3MWG1Y4dBO21Q7GEQ1Hq+5bjK/d99wHiRoawAwnZYKYN5Htu5XG+"
    "GcFeIN52wK9hEo5EFadASlT7BbqmqWu3fblFrr9ue26KsK4zK1nhKVk9v7s2vzthif8p3A"
    "yDjC3ulw/l1rjvoChnj4sbFqDv1ACOi+eIEECgafguCx5yakFCJZczlBat2WKX64p1qon9"
    "tCLlVvsKEyUXbNC+FypiG0p53lCWHgJzyuYT2Adwaz4Fpg83N2qjRxcXl3X4RBI6fdwTPD"
    "sWVsrkH7bX50TTK8TMIzmnx+UDOGjfDX8lf19v/JUW+xgkvkihPxJCek15AvoYO1MLLqdr"
    "tbssUnIVb7Po1BpTAH0dd1nMHU8JYb+9RvZRZF1CprMtzVNJihJyJcR6s0W2fF3sA3KDo7"
    "Jlle2YSO8cjg3k4OKXVFbikJOSPeSQ951K1FFbP1IHU+w4FedxXFJ7BLrWy53wCIyZNTRf"
    "DTIeAb98KPcIwKjFYw4BeZfWTOD/KElUn8hnyLn6fVHL9pux51NKAWG/eQ/RPSx1gd5hwQ"
    "V6h9kL9Ngbae6pPzktFBNpn6nbc1boWbex7/8FJjc8FA=="
)
