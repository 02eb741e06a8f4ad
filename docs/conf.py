"""Sphinx configuration.

The metadata comes from settings.ini, and notebooks arrive executed (docs/build.py).
"""
from configparser import ConfigParser
from pathlib import Path

here = Path(__file__).parent
parser = ConfigParser(delimiters=['='], interpolation=None)
parser.read(here.parent/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']

project, release, author = cfg['lib_name'], cfg['version'], cfg['author']
copyright = f"2026, {author}. Licence {cfg['license']}"
extensions = ['myst_nb', 'sphinx.ext.viewcode', 'sphinx_copybutton', 'sphinx_design']
html_theme, html_title = 'furo', 'cocogen'
html_static_path = [str(here/'_build'/'vendor'), str(here/'theme')]  # vendor: by docs/build.py
html_css_files = ['cocogen.css']
html_js_files = [('mathjax-widgets.js', dict(priority=600))]     # after MathJax's configuration
html_show_sourcelink = False
mathjax_path = 'tex-svg-full.js'
nb_ipywidgets_js = {'embed.js': {}}
nb_execution_mode = 'off'
nb_merge_streams = True
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence', 'deflist']
myst_dmath_double_inline = True
myst_heading_anchors = 3
default_role = 'literal'                          # single backticks of docstrings are code
python_use_unqualified_type_names = True
nitpicky = True                                   # a name of ours that leads nowhere is an error
nitpick_ignore_regex = [('py:.*', r'(?!cocogen\.).*')]
suppress_warnings = ['myst.header', 'mystnb.unknown_mime_type']
viewcode_follow_imported_members = False
