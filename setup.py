"Packaging: everything is read from settings.ini."
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages

here = Path(__file__).parent
parser = ConfigParser(delimiters=['='], interpolation=None)
parser.read(here/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
extras = ('app', 'dask', 'ray', 'flower', 'dev', 'docs', 'browser')

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    keywords=cfg['keywords'].split(', '),
    author=cfg['author'],
    license=cfg['license'],
    python_requires=f">={cfg['min_python']}",
    long_description=(here/'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    packages=find_packages(include=['cocogen', 'cocogen.*']),
    package_data={'cocogen': ['fl/calibrations/*.json']},
    install_requires=cfg['requirements'].split(),
    extras_require={k: cfg[f'{k}_requirements'].split() for k in extras},
    entry_points={
        'console_scripts': [cfg['console_scripts']],
        'cocogen.carriers': [cfg['carriers']],           # who asks organizations elsewhere
        'nbdev': ['cocogen=cocogen._modidx:d']})
