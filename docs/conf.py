"""How Sphinx builds the site; `make docs` writes the generated pages first (docs/generate.py)."""

import functools
import importlib.metadata
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import roles
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

HERE = Path(__file__).parent
FULL_NAME = re.compile(r"nco(\.\w+)+")

project = "nco"
author = "the authors of nco"
copyright = author
version = release = importlib.metadata.version("nco-solver")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "generated", "notebooks/.ipynb_checkpoints"]
nitpicky = True

# ---- pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/test_notebooks.py runs the notebooks

# ---- API reference
default_role = "named"  # what docstrings write between single backticks
suppress_warnings = ["ref.python"]  # a short name in a signature that several modules have
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # what overrides do is told where they are declared
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_use_type_comments = False  # we have none, and to look for them parses all sources again
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "ignore-module-all": True,
    "show-inheritance": True,
}
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
napoleon_use_ivar = True  # attributes as a list, not as entries of their own

# ---- links to other projects: inventories of the few names that we use, written by generate.py,
# so that a build asks nothing of the network
intersphinx_mapping = {
    path.stem: ((HERE / "generated" / f"{path.stem}.url").read_text(), str(path))
    for path in sorted((HERE / "generated").glob("*.inv"))
}
intersphinx_timeout = 1

# ---- appearance
html_theme = "pydata_sphinx_theme"
html_title = "nco"
html_static_path = ["_static"]
html_css_files = ["nco.css"]
html_favicon = "_static/favicon.svg"
html_sidebars = {page: [] for page in ("index", "start", "results", "zoo", "errors")}
html_show_sourcelink = False
html_copy_source = False
html_theme_options: dict[str, Any] = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}


def named(
    role: str, raw: str, text: str, line: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Single backticks: a link where the name is written in full, else plain code."""
    literal = nodes.literal(raw, text)
    if not FULL_NAME.fullmatch(text):
        return [literal], []
    link = pending_xref("", literal, refdomain="py", reftype="obj", reftarget=text)
    return [link], []


def leave_as_text(
    app: Sphinx, env: Any, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """In the API reference not every type in a signature need be a link.

    Elsewhere a wrong name in a role such as ``{py:func}`nco.solve` `` fails the build.
    """
    return content if node["refdoc"].startswith("api/") else None


def skip_silent_methods(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Of the members of a class, methods and properties with a docstring are listed.

    Attributes stand in the docstring of the class.
    """
    if what not in ("class", "exception"):
        return None
    method = inspect.isroutine(thing) or isinstance(thing, property | functools.cached_property)
    return None if method and thing.__doc__ else True


def plain_returns(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Says ``:returns:`` where a docstring has a section Returns.

    Napoleon would take what stands before a colon there for a type.
    """
    if "Returns:" not in lines:
        return
    at = lines.index("Returns:")
    lines[at : at + 2] = [f":returns: {lines[at + 1].strip()}"]


def setup(app: Sphinx) -> None:
    app.connect("autodoc-skip-member", skip_silent_methods)
    app.connect("autodoc-process-docstring", plain_returns, priority=400)  # before napoleon
    roles.register_local_role("named", named)
    app.connect("missing-reference", leave_as_text, priority=900)  # after intersphinx
