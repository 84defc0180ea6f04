from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "schedules" (
    "name" VARCHAR(64) NOT NULL PRIMARY KEY,
    "title" VARCHAR(255) NOT NULL,
    "task" VARCHAR(255) NOT NULL,
    "arguments" JSONB NOT NULL,
    "queue" VARCHAR(64),
    "priority" VARCHAR(16),
    "max_attempts" INT,
    "timeout_s" DOUBLE PRECISION,
    "kind" VARCHAR(16) NOT NULL,
    "cron" VARCHAR(200),
    "every_s" INT,
    "at" TIMESTAMPTZ,
    "anchor" TIMESTAMPTZ NOT NULL,
    "time_zone" VARCHAR(64) NOT NULL,
    "why" TEXT NOT NULL,
    "source" VARCHAR(16) NOT NULL,
    "policy" VARCHAR(16) NOT NULL,
    "paused" JSONB,
    "position" TIMESTAMPTZ NOT NULL,
    "created_by" VARCHAR(255),
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "schedules" IS 'What runs when; those of the code are written by the scheduler''s start, the others by people.';
        CREATE TABLE IF NOT EXISTS "schedule_runs" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "schedule" VARCHAR(64) NOT NULL,
    "slot" TIMESTAMPTZ NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "job_id" VARCHAR(128) NOT NULL,
    "by" VARCHAR(255),
    "error" TEXT,
    "tries" INT NOT NULL,
    "try_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "sent_at" TIMESTAMPTZ,
    CONSTRAINT "uid_schedule_ru_schedul_2f6da9" UNIQUE ("schedule", "slot")
);
CREATE INDEX IF NOT EXISTS "idx_schedule_ru_state_7cd462" ON "schedule_runs" ("state", "created_at");
COMMENT ON TABLE "schedule_runs" IS 'One slot of a schedule: written `due` before its job is sent, so that it is sent once, however often it is tried.';"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "schedules";
        DROP TABLE IF EXISTS "schedule_runs";"""


MODELS_STATE = (
    "eJztXW1z2zYS/isYfWk6o+Zs2bFzSaczcuJe3HHinC239zI3MiRCEs4UwRBgFDWX/34AxP"
    "c3EzRJUww+NLVBLEk/AJa7zy4WXwdz4qDnYxtPyD2yBq/A14EF14j/kLgyBANo2367+JXB"
    "mSk7QhtPmehEZa8ZZQ6cM35lAU2KeJOB6NzBNsNEPGEwBrZDlg5c/0CBlHsFVpCukDEEG8"
    "xWAAKHmAhAy+D/AcT/Z0CGnoubG2TO746t5SPv41r4k4v4Wy8RWyGH3+3f/+HN2DLQF0T9"
    "X+376QIj04jBgg1xA9k+ZVtbtt3eXrz9VfYU7zibzonprq2wt71lK2IF3V0XG8+FjLi2RB"
    "Zy+HsZEcAs1zQ9dP2m3RvzBua4KHhVI2ww0AK6poB98PPCteYCbSCfJP45/sV7tUi36fTD"
    "1WR6cz6ZTgepURKvkADca5oTS4wwtpgA6uu33X1DQGTrQDzgzbvx9bOjkx8lBISypSMvSr"
    "gG36QgZHAnKkEPUZb/T+H8ZgWdbJz9/gmk+YtWwdhvCEEOp7IPnw9QA5AO1vDL1ETWkq34"
    "r6MXLwow/n18LWHmvSTOhK+93bL84F0a7a4JvEN8xcpQwdfv30N8D09KwHt4kouuuBQH16"
    "XImWbpiXx8IyKVIPaUQDcRbmQGS40/FQpfBee4VD2z+WGN3BrSJ8clgD45zsVZXIrDPHeQ"
    "gGI626rAHJfSM7rUjPZBgywN9Vt+heE1KoZ7J5mA2/BEn/s/7KPG5n+gcWWZW29iFIA/uX"
    "h/fjMZv/8oHrem9JMp8RtPzsWVkWzdJlqfJbV7cBPwx8XkHRC/gn9dfThPWjJBv8m/BuKd"
    "oMvI1CKbKTQiisBv9VFLfiyqDHlErIbx7thi25Ph9TEpHF/0xcb8dhWGOC6pR7nLo+ygz9"
    "yyqLKQ45J6lLs2yoIIWNxHnFTRMIPz+w10jGnqChmRvL7pS+vROtkCLbiUgyTQ/Db0aRjX"
    "wOzcYs52kKZowmvDApJG9JqaZFmOo/ljRYCBDbBZQTbk/yJrCBYOWYsfHd5fkCriGpjzVw"
    "FkATB7DRy0cCm/H2CEpOmaem5ZM3NzhpcXFlPgbvi0Tq5Bb8F110VYilf46a+j0dHR6ejg"
    "6OTli+PT0xcvD17yvvJ905dOC5bt2cXfLj5M4qtQNBQzOuqasU1rttXx6K8xy3UKcVQcxU"
    "BA+4jd4+06DW/9tB2UnLni7PUkesiL1s8lMejwr7YSXRdI9G8CN6IfiMvmRC10EhHp4Syu"
    "X00YiEFsphH+7ebqQzbCoUTSmMFzBv4HTExTRmVdQEeCgTMXmwxb9Ll47FPEAwVCMUPGh/"
    "nZ+/E/kiPw5vLqLGmhiBucJbW2YfCrVElthyL9Uyv1qO1OeL2/YvlyCX9Xtg7zPd0Fv146"
    "E0F0BizwOrEFiAM2kII1NNBr7oJSMNsyRPkalVe5zwkoN1kRcPlgO7IDNrJyE2q8s85WaE"
    "M76WyFzlo1FP+JpnK1qDE4cbmHmZx9QLtFMicyACs4enGiMsVDiR5O8gbC7MRiyGI7lBRg"
    "Tsq1B7b4/pp4DgWSfyFzhthP/GkIrptS3Qm7fvSyjGE/eplv2YtrOnGndWX+XzJTxDiU6B"
    "/EjcxjnUmSj36/yPdO+Gm/kdkg5aaJxmG+l8bXdEkn7cpCgPd+JT0iE1IG7jkCFneW+Kzb"
    "ZXebZsTTkpHDtEdW/TYPu19fByFOiSXE9ZbojL7YgnLgf1IApoeWN039NTaQnTkk8he5qi"
    "P3Fi/rStyafIpvTLTzNI4tR9d3idp5ZuSrXetjlPzw/A/eIz52HQs9N/Wty/fF49OpLOJx"
    "Ke2ylInmKLoq7bso+20nh5qwtM8dSPQQ4/oDObaDiYNZRmL7zZrbArmsUlSuPU5p1BTKO0"
    "LpaHR6ElBI4pci0ujm/fjyMs0SCZ2sFBfz+j8qKtYx767t8JfcApkZ/8rHPSqjsa+OPb8k"
    "3l8B+VBC414dd+Q4WVlm+bAHAhr16qhz62J+PxXOeobZN+FOUK5REhXrA4NXxBmd/2NSjH"
    "xAGV1effib3z05HIkUB8bQ2mYZOj7XRomKtGejHDRro4wOj0+PXx6dHAeGStBSZK2kDRWp"
    "D1TgDAU0mCmrD5n4M3JwVnA2F9C4kAY1CapwfSos+6RYe8Ae7gmwOsTXxt58vEbEZdOMqf"
    "urSWDO5I1JJZBeCLH9w7oA2rdXt2eX5+Dj9fmbi5sLz14LwknyouTDP5mYSQiuz8eXaedv"
    "zv045e35STk9rUtNa8N1ZLrDdK2Yh5QQrKSVuwb3k+QhbSAWsRpV/GNiGv2q6C+wBc2pgy"
    "BV2yaTlOufujkaldA2R6NcZSMuxbHGdGq4uwSrDHf7jBATQSsnepgQTcA947JNWYFBS7vf"
    "0rOrq8uY1312kXSrb9+fnV8/O/wx/k3N8mZ87IS+vkdK39VM4f7N9mZ2NnIwpiZeY6aKel"
    "pSQ14KcomZUuQglNBManUmVYxsJdYkLdieg3/UrClTH3OCGFQNREZl9Ba92uf7HFpzZJrq"
    "VeQSclqtl6sjJ2HLtdPzQzUpwT4A3nawJgCR//W0YhJ29i10baiu1YbKGHeKkFV9yCPSer"
    "S7PNqUufP7CuMcldMj3P0RVie7knJ9+IY2TXbp/UrfxZKSSfZVRjkmqNVml8fYcauYP6GU"
    "Ht0ujy5l0KmmqOOSepS7PMpzsrZNVPGDnJDVI93lkV5AbFYa5pigHuMuj3HIolalJfRI78"
    "dIu7ZR0Y2KS2o3qtPDTNGn9PgWlsHaCej6V5Uzn9aIUrjMSsTBFnS2eVHFQCiZguOXJOuN"
    "rjzzQoHB+vl9fH128WF8/c/sWMpZRujw7J+T83FXak/+RmbjXSL9IKu0iX9tWFjhJJaLX6"
    "7SCXO2ovQI3NUq2ayIf1SCqFCyIhuAmTjKEmXUnFQXz6hs8u9ItSXv7Qf/SZQ7UapyoU9Y"
    "qFcp5Ve+aL2wVue+Dc1X1oLhulfbide3D3Bt+Tqy/pJagCU7r7UXc7b2Ihcb4twjpSM5Qo"
    "n+ha4aybdZEap0qIHfX8NbCl4765uWX5ylrE2xB9jWrGn15pknLaGsQyffATcjfasqZ31G"
    "5PQId3mE9SbQp9ak6jlZOhtLJRtLl1d6QGfp8kp7n7HfFY75DXGtbIZ5d2VYzC/PRaeS7P"
    "I7sgH8RbaCGqbiuCEHAejIQtdEMMcc6CGQmXaSLN4VE30N7pHNhoCSXWlsiwCb/ylg92B5"
    "aJF8oTQb3fzjMtlrOfOHyYK+XmVUTWR36IOeT2T7Y1j28+737yEh2Aijoktkt1QiW5dwbp"
    "jdnvsfyfKqOhDpTdG5FrR1V8ylt3CbaSyJ9gdMJQNuSxpKfwjLQxIyYIPZSpzcyA0WLg+e"
    "3U7e/Jg2dcoIZBorO74nw2TRhkpnpn6RoaLO8+kEuz2g+LT9qe3PXtifwWYMhQBqTKY3Nl"
    "JtQdTdxgcFPEMBDWYSzGB7gcr8jMpoSNPBEf48JUAjEhrOVDnAMGg3pe66csTPF+4Nwi3H"
    "/FaYctfJgRkjkB+Xignpul61hKy6wgS8I64zyKIC5IVhMRew4n0eRQaIG4RRCgjWxGKrH6"
    "iMYvAZhecUWIiLWIRfNQzg2uD4aDg6OABrbLkM0bIkQj0P0uTD3qpATT5o8kGTD5p80OTD"
    "/trKmnzoIpiafNDkQ7fh1OSDJh+qjoAmHxokHy7JcpDFPYj2YTH1YJKlQjUA3pvPEivImv"
    "Q2E78Gd6L1zs+LXDhkDQ593gCz7NoAj7lZyUoBYhXye6UohK+DEFq+Tj8jcyB6oC+2OIea"
    "/8EB6B6k3hzzF8xAduaAyV++aUaik4yELkCgCxDs37ZYqbDKw+l311hmYSlVu4ICCAR6uP"
    "7LrP78tZ9a+bk1qPI3B+VXoNpPfNvYGRSnsCzGwVUx+yMiejec3g23h3Ne1+Lva5ipK+7z"
    "exmaHmR50N6lYbET7cW2y/nR2YH13S247wvZHcCU+7kUzNASWxafAWWj8w/fREfee+jn6s"
    "h7b1SijrzryLuOvCdlehMo0pH3LoKpI+868t5tOHXkXUfeq46Ajrw3RR18hC7NoA12zcN8"
    "ysAWHUqyBWOvJhFxAAQM0vtd5j137uVdRKb95rUsRHSPtqJZ/MhNOWyhH+gQ3H169bO8wS"
    "934hZ37NXP4ia/3KUphUaflME7lOUW+NNU7HOvez2G+dOSCwkXqEh9hS7QaYELdPrjA0zC"
    "TAnqWXWkO0Zqt+Bt5lWJzA8e9KtKZNtxA02K9ZIUcy2GMyL6Dxwn5gvpUsZdG9tOGHJ/F3"
    "ZL2pDbNRcYctLeUTTkpFG1gRSgz8gBwrDKN8Vy+j7CmFJlO+vlOTtkTtXFcubbUhShKkdP"
    "R8T0p0irqyx1dY34/wzkfCQUewOQ0FypHgVKzPH6llNjE+70iVCzQzY79UThlopt3oyAzQ"
    "rPV4CiTzvX8DMS6duixi62wlK5GVvNa7rnI9RiVvz6Zg1N83uJYB+NTk8C5kz8UuRs3rwf"
    "X14+HJbu/rmg/SInHddSTHcPJfrgYTYdxtTHGedD7yBoXFnm1psV+/uZl2/fia/8zXyFDN"
    "fM8EuCKwVfder1UUlK4+qAyuNZBc1LqNyYJb6xc2LsauVvHMwYssBsK9v9Zzi7AjAOG8pm"
    "Ir6+VHSyEbGzavE3/jTtIXVHgRbU1cfMVMtw8gV6mHbTCOksIjBKAHv9Nb7l8IXO0l0j78"
    "iTsvHgmJCOB9cSD07l9anM+kBAW8EPW8G2gwn/MCsFCqMy/cO4/mMkxO29bbIZmiXXf06K"
    "9ehIv9oyqYSDRVw2zcD1V5PAHGRjUglYF0Js/4AtQO3t1e3Z5Tn4eH3+5uLmwtPQgU8mL4"
    "om3oDltpnB9fn4MoHzPf+zVFSE37+HlkcDx8w4audN+v37p3tHBwdlrLqDg3yrTlxLHDj5"
    "GTnbLA2Rq3kjElrpppXuE+ZidAzZ/SXG0qkY0Jqvsg5mfWBkA6ke8qB9Gl4xBNM/SVYxki"
    "KGJiLU3rd8cDt505T72rRDtVll+FL5WYFe9xaxfQJeoJGMQEpcJ6t8Q8Hph4GENktLmKU2"
    "MfFcjRgIJFqcz8TajeleQixT8VXYxlBC13+pzinakUQaFWsnKqftnU7bO365GLU9EHGpHj"
    "rYTYRNdE2ffPT3M5PCm8PFqfs6f6Zno74X+TPXbkaCbPTi8OEsmqlIVpEdS5VJpiZhIp0F"
    "Bkkrr4JsljvDRXdghhZEJLEyCv5LZmI3JUUWC09WwsxvA8JcHYIV2chNAGQhbrK7LDfMZ9"
    "dWbv0NMgtL0Uiiknij4jrM4gwp2TWi5EV/XZV5D9NSC9KCI5OitCMekemhK14/qSRXm+JX"
    "1pfp4fd1f7+naTMqUJOlF48v0MOVUz/DoovGN180XpcZaMy1Ro6TFZPLjycEAn0AuO2Qgr"
    "B/VfIEgv692eNUX2KWs63ADIRSOlegy0aLZvzyF9J+cj9lGD/BHlTaAh+I6VXdtVXdDW5v"
    "xwcN0ryed2FYwOn5XNKwXNkOipfWT9jalT5j5F6SXxSZC0GAiXPOKeOPMIaA8DUs+bSbd+"
    "OfRi9Osup6PO5mNe9wv729eKvAeLkuNp4LmSpK9mHiK7IvRT5J/HP8FJtSpFF4tFtX0RUj"
    "//RibsulyMn0HvOhjojUiXday7XJND4GXZ1D3grPIZXPdAXpSgXiuJTe8/ogEasN3+/R8B"
    "UpV1Xi3LTO8daGb2PuLPpiY367CkMcl+zhqu7VMIsDlqoMckROL+QujzDvKnILVEygiEgf"
    "KPOmDSDuvlsZC6gAX1+gf+jWFvHpBAkzEcVCUgzMxCshkke/iBIjpbkXWYYeUrAhzr2o8g"
    "Mti7jWHBkAs1eSHiGyt7hiSE5FJG8Dkd21hiL/SXSxocNfkHH5LEamiUfo8kMdWivDAr5m"
    "v44AC37c00+Bt5DSUOfvXomI6Eo5MaOqllONpRJTGY9QQg9H/cOhK0b3z9vohKl2S6UVkj"
    "DVZGuBqSZCE6VNNZv35StzsyJgDbcy0AWwlWVxFfTUAa421s0jAlxc+Wcdv5FvKwUC2kAt"
    "k773tOZ/qa9wO9ZnM2cwEbVtB35/HVAsEVDMjX3n45sf++4DxI1MYRtSuiHcGsiO3Obn+a"
    "YEe4F42wm/BqYCiSpBgYSojgt0zVLXYftySq6/YXvhivChw5W88ISsXt9dW9+d8MT/kGGG"
    "QcoX99qH+d64F6Ao54/LExagF9QAtkPmiFJAITa8kIVIOTUhZTmHM5QWrdljz7cV6zQT++"
    "lF5nvtK0KVQrB+/16YiG0Y5VlTOXcTmF22nsA+gFvzLjC9ublRHz08sLRswCeU0OXjHhHZ"
    "MYlSJf+gv94nmtQQM5dm7B7Pn8B+/27EK8XzehOvNPnLIPlGCuMRE9I65RHoE2JPTbicrt"
    "XOskjIVTzNolM6pgD6Os6ymNuuEsJef43sg8g6lE5nW5ZlkhQV5IqJ9eYT2fJxsZ+R42+V"
    "LWtsR0R6F3BsoAaXOKSyEoccl+whh7zvVKLO2vqeBpgR2664jqOSOiLQtVHuRERgzL2h+W"
    "qQigh47cP8iAAMezwUEMgf0poJ/O+liOoj+Yx8rn5fzLL9ZuzFklJA2OveQ3QPSx2gd1hw"
    "gN5h+gA9/kSWuesvnxaKiLTP1O05K/Skn7Fv/wdpkr7T"
)
