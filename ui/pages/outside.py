"""Pages before and beside the dashboard: sign-in, waiting for the gateway, an address that is none.

Plain HTML, so that they work without a socket.
"""

from __future__ import annotations

from html import escape

from ui.components.element import ASSETS, BASE

THEME = """<script>
window.taskcastTheme = () => {
  let chosen = "auto";
  try { chosen = localStorage.getItem("taskcast-theme") || "auto"; } catch {}
  const dark = chosen === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
};
taskcastTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", taskcastTheme);
</script>"""
"""Runs before the first paint, so that no page flashes in the wrong theme."""

STYLES = f"""<link rel="preload" href="{ASSETS}/fonts/inter-latin-wght-normal.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="{ASSETS}/icons.css"><link rel="stylesheet" href="{ASSETS}/app.css">"""


def sign_in_page(*, next_path: str, email: str = "", error: str = "", note: str = "") -> str:
    """Return the sign-in form."""
    message = ""
    if error:
        message = (
            f'<div class="note bad" role="alert"><i class="i i-circle-alert"></i><span>{escape(error)}</span></div>'
        )
    elif note:
        message = f'<div class="note" role="status"><i class="i i-info"></i><span>{escape(note)}</span></div>'
    wrong = 'aria-invalid="true"' if error else ""
    focus_password = "autofocus" if email else ""
    return _page(
        "Sign in",
        f"""
<form class="card" method="post" action="/admin/sign-in">
  {message}
  <input type="hidden" name="next" value="{escape(next_path, quote=True)}">
  <label>E-mail address<input class="txt" type="email" name="email" autocomplete="username" required maxlength="254" value="{escape(email, quote=True)}" {wrong} {"" if email else "autofocus"}></label>
  <label>Password<input class="txt" type="password" name="password" autocomplete="current-password" required maxlength="1024" {wrong} {focus_password}></label>
  <button class="btn primary" type="submit">Sign in</button>
</form>
<footer>The first start printed an administrator's address and password in its terminal.</footer>""",
        "Sign in to Taskcast",
        "Background jobs, live.",
    )


def waiting_page(text: str) -> str:
    """Return a page that says what is away, and goes on by itself when it is back."""
    return _page(
        "Waiting",
        f"""
<div class="card empty"><i class="i i-loader-circle spin"></i><b>{escape(text)}</b><p>This page goes on by itself as soon as it can.</p></div>
<script>
(async () => {{
  for (;;) {{
    await new Promise((done) => setTimeout(done, 1500));
    try {{ if ((await fetch(location.href, {{ cache: "no-store", headers: {{ Accept: "text/html" }} }})).ok) return location.reload(); }} catch {{}}
  }}
}})();
</script>""",
        "Taskcast",
        "One moment, please.",
    )


def missing_page() -> str:
    """Return a page for an address that is none of the dashboard's."""
    return _page(
        "Not found",
        f"""
<div class="card empty"><i class="i i-search"></i><b>There is no such page</b><p>The link may be old, or was not complete.</p><a class="btn" href="{BASE}">To the overview</a></div>""",
        "Taskcast",
        "Background jobs, live.",
    )


def _page(title: str, body: str, heading: str, sub: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Taskcast</title><link rel="icon" href="{ASSETS}/taskcast.svg" type="image/svg+xml">{THEME}{STYLES}</head>
<body><main class="gate"><div class="gate-c">
<div class="gate-h"><span class="logo"><i class="i i-zap"></i></span><div><h1>{heading}</h1><p>{sub}</p></div></div>
{body}
</div></main></body></html>"""
