"""No page points at nothing: every file and every heading that a link names is there, and every address can be one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")),
]
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?\s*(?:\"[^\"]*\")?\)")
BUILT = {"auto_tutorials"}  # folders of the site that its build writes


def links(text: str) -> Iterator[str]:
    """The targets of a page's links, outside of code."""
    bare = re.sub(r"^(```+|~~~+).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (found[1] for found in LINK.finditer(re.sub(r"`[^`\n]+`", "code", bare)))


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in addresses, on GitHub and on the site."""
    bare = re.sub(r"^(```+|~~~+).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^#{1,4} (.+)$", bare, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).replace("`", "") for head in heads]
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in plain}


def fault(page: Path, link: str) -> str | None:
    """Why nobody can follow `link` from `page`; None where it leads somewhere."""
    parts = urlsplit(link)
    if parts.scheme:
        sound = parts.scheme in {"https", "http", "mailto"} and (
            parts.path if parts.scheme == "mailto" else "." in parts.netloc
        )
        return None if sound else f"{link} is no address"
    target = page if not parts.path else page.parent / unquote(parts.path)
    if BUILT & set(Path(parts.path).parts):
        return None
    if not target.exists():
        return f"{link}: no such file"
    if parts.fragment and parts.fragment not in anchors(target.read_text(encoding="utf-8")):
        return f"{link}: no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    found = [fault(page, link) for link in links(page.read_text(encoding="utf-8"))]
    assert [one for one in found if one] == []


@pytest.mark.parametrize(
    "link", ["no.md", "b.md#nothing", "#nothing", "https://", "htps://a.org", "https://nohost", "sub/b.md"]
)
def test_a_broken_link_is_seen(tmp_path: Path, link: str) -> None:
    (tmp_path / "b.md").write_text("# There is\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(f"# Here\n\nSee [this]({link}).\n", encoding="utf-8")
    assert [fault(page, one) is not None for one in links(page.read_text(encoding="utf-8"))] == [True]


@pytest.mark.parametrize(
    "link", ["b.md", "b.md#there-is", "#here-fid", "https://arxiv.org/abs/1706.08500", "mailto:a@b.org"]
)
def test_a_link_that_leads_somewhere_is_none(tmp_path: Path, link: str) -> None:
    (tmp_path / "b.md").write_text("# There is!\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(f"# Here: `fid`\n\nSee [this]({link}).\n\n```\n[code](nowhere.md)\n```\n", encoding="utf-8")
    assert [fault(page, one) for one in links(page.read_text(encoding="utf-8"))] == [None]


def test_pages_are_many_and_linked() -> None:
    assert len(PAGES) > 40
    assert sum(len(list(links(page.read_text(encoding="utf-8")))) for page in PAGES) > 120
