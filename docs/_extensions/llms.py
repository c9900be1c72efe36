"""`llms.txt` (llmstxt.org): every page of the site with its title and first sentence,
for programs that read it as text.

The Markdown of each page is copied beside its HTML, so that `start.html` can be read as `start.md`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def first_sentence(text: str) -> str:
    """The first sentence of a page that stands in plain prose, without its markup; "" where there is none."""
    bare = re.sub(r"^(```+).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", bare):
        words = " ".join(paragraph.split())
        if words and not words.startswith(("#", "|", "-", "<", "!", "(", "..", "{")):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words).replace("**", "").replace("`", "")
            return re.split(r"(?<=[.?!])\s", plain, maxsplit=1)[0]
    return ""


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    lines = [
        f"# {app.config.project}",
        "",
        f"> {first_sentence(app.env.doc2path('index').read_text(encoding='utf-8'))}",
        "",
    ]
    for page in sorted(app.env.found_docs - {"sg_execution_times"}):
        source = Path(app.env.doc2path(page))
        address = f"{page}.html"
        if source.suffix == ".md":
            address = f"{page}.md"
            (app.outdir / address).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, app.outdir / address)
        said = first_sentence(source.read_text(encoding="utf-8")) if source.suffix == ".md" else ""
        lines.append(f"- [{app.env.titles[page].astext()}]({address})" + (f": {said}" if said else ""))
    (app.outdir / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
