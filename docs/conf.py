"Sphinx configuration; the metadata comes from settings.ini, and notebooks arrive executed (docs/build.py)."
from configparser import ConfigParser
from pathlib import Path

parser = ConfigParser(delimiters=['='], interpolation=None)
parser.read(Path(__file__).parent.parent/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']

project, release, author = cfg['lib_name'], cfg['version'], cfg['author']
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx_design']
html_theme = 'furo'
html_title = 'cocogen'
html_static_path = [str(Path(__file__).parent/'_build'/'vendor')]      # MathJax, fetched by docs/build.py
mathjax_path = 'tex-svg-full.js'
html_show_sourcelink = False
nb_execution_mode = 'off'
nb_merge_streams = True
myst_enable_extensions = ['dollarmath', 'amsmath']
myst_dmath_double_inline = True
suppress_warnings = ['myst.header', 'mystnb.unknown_mime_type']
