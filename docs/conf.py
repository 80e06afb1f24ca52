"""How Sphinx builds these pages: `python -m sphinx -W docs build/docs`.  No network is needed, and nothing outside the repository."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import house_docstrings

import ocnet

project, author, copyright = "ocnet", "The ocnet developers", "The ocnet developers"
version = release = ocnet.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["build"]
default_role = "literal"
add_module_names = False
toc_object_entries = False

# docstrings say what arguments are; hints, where there are any, would say it twice
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}

html_theme = "alabaster"
html_theme_options = {"description": "Stochastic residual networks as controlled diffusions", "fixed_sidebar": True, "page_width": "1100px"}
html_show_sourcelink = False
suppress_warnings = ["config.cache"]


def setup(app):
    app.connect("autodoc-process-docstring", house_docstrings.process)
    app.connect("source-read", house_docstrings.fill_in)
    return {"parallel_read_safe": True}
