"""The site: `python -m sphinx -W -b html docs build/site`; add `-D plot_gallery=0` to leave the tutorials unrun.

A new page of `docs/`, `docs/tutorials/`, `docs/decisions/` or `docs/results/` is found by its place; no list here names
it.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

from tutorials import Reading, run_pattern  # noqa: E402

from ganeval import __version__  # noqa: E402

project, author, release = "ganeval", "the ganeval authors", __version__
copyright = "the ganeval authors, Apache-2.0"  # noqa: A001  # Sphinx's name
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "pages_by_place",
    "plain_docstrings",
    "llms",
]
exclude_patterns = [
    "_extensions",
    "plugin_example",
    "tutorials/*.py",
    "tutorials/GALLERY_HEADER.rst",
    "auto_tutorials/*.ipynb",
]
nitpicky = True
suppress_warnings = ["config.cache"]  # the gallery's settings hold functions

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_typehints = "none"  # signatures say them; the prose says shapes and ranges
autodoc_member_order = "bysource"
default_role = "code"

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["auto_tutorials"],
    "filename_pattern": run_pattern(HERE / "tutorials"),  # without the real data, what needs them is shown and not run
    "ignore_pattern": r"__init__\.py|/_",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "within_subsection_order": Reading,
    "capture_repr": (),
    "image_scrapers": ("matplotlib",),
    "only_warn_on_example_error": False,
}

html_theme = "furo"
html_title = "ganeval"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["example-report.html"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
