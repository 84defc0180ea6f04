from __future__ import annotations

import re

import pytest

from ui.routes import FOLDER

CSS = (FOLDER / "app.css").read_text("utf-8")
TEXTS = ("text", "muted", "faint")
GROUNDS = ("bg", "surface", "raised", "sunken", "hover", "selected")
TONES = ("ok", "bad", "warn", "info", "idle")


def tokens(theme: str) -> dict[str, str]:
    light = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", CSS.split(':root[data-theme="dark"]')[0]))
    dark = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", CSS.split(':root[data-theme="dark"]')[1].split("}")[0]))
    return light if theme == "light" else light | dark


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_on_every_ground(theme: str) -> None:
    t = tokens(theme)

    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [(tone, f"{tone}-soft") for tone in TONES] + [
        (tone, ground) for tone in TONES for ground in ("surface", "bg", "sunken")
    ]
    pairs += [
        ("on-accent", "accent"),
        ("accent", "surface"),
        ("accent", "sunken"),
        ("text", "bad-soft"),
        ("muted", "warn-soft"),
        ("muted", "bad-soft"),
    ]
    weak = {f"{a} on {b}": round(contrast(t[a], t[b]), 2) for a, b in pairs if contrast(t[a], t[b]) < 4.5}

    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_borders_of_fields_are_visible(theme: str) -> None:
    t = tokens(theme)

    assert contrast(t["edge"], t["surface"]) >= 3


def test_nothing_is_loaded_from_another_host() -> None:
    files = [*FOLDER.glob("*.css"), *FOLDER.parent.glob("**/*.js"), *FOLDER.parent.glob("**/*.py")]

    found = {
        f"{file.name}: {url}"
        for file in files
        for url in re.findall(r"https?://[^\s\"'`)]+", file.read_text("utf-8"))
        if not url.startswith(("http://127.0.0.1", "http://%s", "http://www.w3.org/2000/svg"))
    }

    assert found == set()


def test_licences_lie_beside_fonts_and_icons() -> None:
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "fonts/LICENSE-inter-OFL.txt").read_text("utf-8").upper()
    assert "SIL OPEN FONT LICENSE" in (FOLDER / "fonts/LICENSE-jetbrains-mono-OFL.txt").read_text("utf-8").upper()
    assert "ISC License" in (FOLDER / "icons/LICENSE-lucide-ISC.txt").read_text("utf-8")


def test_no_job_text_can_become_code() -> None:
    for file in FOLDER.parent.glob("**/*.js"):
        text = file.read_text("utf-8")
        assert "v-html" not in text
        assert "innerHTML" not in text
    for file in FOLDER.parent.glob("**/*.py"):
        text = file.read_text("utf-8")
        assert not re.search(r"\bui\.(html|markdown|run_javascript|echart|aggrid|log|refreshable)\(", text), file
