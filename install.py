"""Installs into the environment of the Python that runs it: by uv in seconds, else by pip.

`python install.py -e '.[dev]'`; the arguments are those of `pip install`.
"""
import ast
import os
import re
import subprocess
import sys
from pathlib import Path

# settings of pip that say where packages are, and what uv calls them: it reads none of pip's
SETTINGS = {'index-url': 'UV_DEFAULT_INDEX', 'extra-index-url': 'UV_INDEX',
    'find-links': 'UV_FIND_LINKS', 'constraint': 'UV_CONSTRAINT', 'cert': 'SSL_CERT_FILE'}

def ran(*args, **env)->subprocess.CompletedProcess:
    "A module of this Python, run to its end; what it prints is kept"
    return subprocess.run([sys.executable, '-m', *args], env=os.environ | env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

def exists(place:str)->bool:
    return '://' in place or Path(place).exists()

def settings()->dict:
    "What pip is configured with"
    said = ran('pip', 'config', 'list').stdout
    found = re.findall(r"^(?:\w+|:env:)\.([a-z-]+)=('.*')$", said, re.M)
    return {k: ast.literal_eval(v) for k, v in found}

def as_pip(found:dict)->dict:
    "The environment in which uv takes the packages that pip would take"
    here = {k: ' '.join(filter(exists, v.split())) for k, v in found.items() if k in SETTINGS}
    own = {SETTINGS[k]: v for k, v in here.items() if v}
    return dict(own, UV_INDEX_STRATEGY='unsafe-best-match')

def main(args:list):
    quiet, found = ('--quiet', '--disable-pip-version-check'), settings()
    # uv knows no setting that keeps it from its own index
    if 'no-index' not in found and not ran('pip', 'install', *quiet, 'uv').returncode:
        uv = ('uv', 'pip', 'install', '--quiet', '--python', sys.executable)
        if not ran(*uv, *args, **as_pip(found)).returncode: return
    done = ran('pip', 'install', *quiet, *args)
    if done.returncode:
        lines = done.stdout.splitlines(True)
        sys.exit(''.join(l for l in lines if not l.startswith('WARNING')))

main(sys.argv[1:])
