"""The project as a whole: exports in sync, notebooks clean, metadata in step, no machine's paths.

Rooms and imports are in test_rooms.py, lines and prose in test_lines.py.
"""
import configparser
import filecmp
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
import pytest

root = Path(__file__).resolve().parent.parent
notebooks = sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

def read(name:str)->str:
    "A file of the project"
    return (root/name).read_text(encoding='utf-8')

def settings():
    "The metadata in settings.ini"
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
    ini.read(root/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']

def sources(path:Path)->list:
    "The kind and source of each cell of a notebook"
    found = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [(c['cell_type'], ''.join(c['source'])) for c in found]

def after(command:str, place:Path)->Path:
    "A copy of the project after an nbdev command"
    left_out = shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints')
    for d in ('nbs', 'cocogen'):
        shutil.copytree(root/d, place/d, ignore=left_out)
    for f in ('pyproject.toml', 'settings.ini'):
        shutil.copy(root/f, place/f)
    if command=='nbdev-export':
        for p in (place/'cocogen').rglob('*.py'):        # what is left was exported
            if p.name!='__init__.py':
                p.unlink()
    subprocess.run([Path(sys.executable).parent/command], cwd=place, check=True,
        capture_output=True)
    return place

def modules(place:Path)->set:
    return {p.relative_to(place) for p in (place/'cocogen').rglob('*.py')}

def test_exports_in_sync(tmp_path):
    copy = after('nbdev-export', tmp_path)
    assert len(modules(copy))>15
    odd = sorted(map(str, modules(copy) ^ modules(root)))
    assert not odd, f'modules without a notebook, or the reverse: {odd}'
    stale = [str(f) for f in modules(copy) if not filecmp.cmp(copy/f, root/f, shallow=False)]
    assert not stale, f'run `make export`: {sorted(stale)} differ from the notebooks'

def test_notebooks_clean(tmp_path):
    copy = after('nbdev-clean', tmp_path)
    places = [p.relative_to(root) for p in notebooks]
    dirty = [str(p) for p in places if not filecmp.cmp(copy/p, root/p, shallow=False)]
    assert not dirty, f'run `make export`: {dirty} hold metadata'

def test_no_cell_is_switched_off():
    for p in notebooks:
        for _, s in sources(p):
            assert not re.search(r'^#\|\s*eval:\s*false', s, re.M), f'{p.name}: a cell never runs'

CLOCK = re.compile(r'perf_counter|time\.time\(|time\.monotonic|process_time|timeit')
WAITS = re.compile(r'(?m)^\s*(assert|test_)\b.*(perf_counter|time\.time|time\.monotonic'
    r'|\btook\b|\bseconds\b|_ms\b)')

def test_nothing_asserts_a_time():
    """A slow machine is no fault of the code: what must be fast is asserted as work done, and
    timed in benchmarks, which print."""
    for p in notebooks:
        if p.parent.name=='experiments': continue       # what a card took is a result there
        for kind, s in sources(p):
            if kind!='code' or re.match(r'#\|\s*export', s): continue
            assert not WAITS.search(s), f'{p.name} asserts a time: {WAITS.search(s)[0].strip()}'
            if p.parent.name=='benchmarks': continue
            assert not CLOCK.search(s), f'{p.name} looks at a clock: {CLOCK.search(s)[0]}'
    for p in (root/'tests').glob('test_*.py'):
        if p!=Path(__file__).resolve():
            assert not WAITS.search(p.read_text(encoding='utf-8')), f'{p.name} asserts a time'

def test_metadata_in_step():
    cfg, toml, init = settings(), read('pyproject.toml'), read('cocogen/__init__.py')
    assert f'__version__ = "{cfg["version"]}"' in init
    assert f'name = "{cfg["lib_name"]}"' in toml
    assert f'requires-python = ">={cfg["min_python"]}"' in toml
    assert f"version: {cfg['version']}" in read('CITATION.cff')
    told = re.findall(r'^## (\d.*)$', read('CHANGELOG.md'), re.M)
    assert told[0]==cfg['version'], f"CHANGELOG.md tells of {told[0]}, settings.ini of another"

def test_oldest_versions_are_named():
    "What the oldest constraints are made of: every requirement has a lower bound"
    for r in settings()['requirements'].split():
        assert re.match(r'[\w-]+>=\d', r), f'settings.ini: {r} has no lower bound'

def test_readme_is_the_front_page():
    text = read('README.md')
    for kind, s in sources(root/'nbs'/'index.ipynb'):
        if s.startswith('#|'): continue
        moved = re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](nbs/\1)', s)
        assert moved in text, f'run `make readme`: README.md lacks {moved[:60]!r}'
    for link in re.findall(r'\]\((?!http)([^)#]+)\)', text):
        assert (root/link).exists(), f'README.md points to {link}, which is not there'

def test_links_between_pages_lead_somewhere():
    "In Jupyter and in a repository's viewer, where no site is built"
    faults = []
    for p in notebooks:
        text = '\n'.join(s for kind, s in sources(p) if kind=='markdown')
        for link in re.findall(r'\]\(([\w./-]+\.(?:ipynb|png))', text):
            if not (p.parent/link).exists():
                faults.append(f'{p.relative_to(root)}: {link}')
    assert not faults, '\n'.join(faults)

def test_the_front_page_names_every_page():
    "By its title, so that a reader of the front page finds it"
    front = '\n'.join(s for _, s in sources(root/'nbs'/'index.ipynb'))
    for p in notebooks:
        if p.name=='index.ipynb': continue
        title = sources(p)[0][1].splitlines()[0][2:].strip()
        link = f'[{title}]({p.relative_to(root/"nbs").as_posix()})'
        assert link in front, f'the map of index.ipynb lacks {link}'

def test_terms_are_in_the_glossary():
    "Every link to a term leads to its heading"
    headings = re.findall(r'^#+ (.*)$', read('nbs/glossary.md'), re.M)
    anchors = {re.sub(r'[^\w-]', '', h.lower().replace(' ', '-')) for h in headings}
    faults = {f'{p.relative_to(root)}: {term}' for p in notebooks for _, s in sources(p)
        for term in re.findall(r'glossary\.md#([\w-]+)', s) if term not in anchors}
    assert not faults, '\n'.join(sorted(faults))

@pytest.mark.parametrize('room', ['game', 'fl', 'explore', 'study'])
def test_a_star_brings_what_a_user_calls(room):
    "`from cocogen.game import *` binds the names of `__all__`, and none of them is a module"
    names = {}
    exec(f'from cocogen.{room} import *', names)
    names.pop('__builtins__')
    package = sys.modules[f'cocogen.{room}']
    assert set(names)==set(package.__all__), set(names) ^ set(package.__all__)
    brought = [k for k, v in names.items() if isinstance(v, types.ModuleType)]
    assert not brought, f'modules: {brought}'

def test_modules_are_found_under_their_former_names():
    "For one release, with a note; the module is the same object under both names"
    import cocogen
    for old, new in cocogen.MOVED.items():
        assert (root/'cocogen'/f'{"/".join(new.split(".")[1:])}.py').exists() \
            or (root/'cocogen'/new.split('.')[1]/'__init__.py').exists(), new
        assert old in read('CHANGELOG.md') and new in read('CHANGELOG.md'), old
    with pytest.warns(DeprecationWarning, match='is now cocogen.deploy.nodes'):
        from cocogen.nodes import need_flower as former
    from cocogen.deploy import nodes
    assert former is nodes.need_flower and nodes.__spec__.name=='cocogen.deploy.nodes'

def test_workflows():
    """GitHub's own schema, and nothing that a person could not run: every command is a make
    target, or the gate that calls one."""
    flows = sorted((root/'.github'/'workflows').glob('*.y*ml'))
    assert {p.stem for p in flows}=={'test', 'docs', 'release'}
    check = [Path(sys.executable).parent/'check-jsonschema', '--builtin-schema',
        'vendor.github-workflows', *flows]
    lint = subprocess.run(check, capture_output=True, text=True)
    assert not lint.returncode, lint.stdout + lint.stderr
    targets = set(re.findall(r'^([a-z-]+):', read('Makefile'), re.M))
    for p in flows:
        for command in re.findall(r'run: (.*)', p.read_text(encoding='utf-8')):
            made = re.match(r'make ([a-z-]+)', command)
            known = command=='bash .ci/run' or made and made[1] in targets
            assert known, f'{p.name} runs {command!r}, which is no make target'

def test_link_checker(tmp_path):
    sys.path.insert(0, str(root/'docs'))
    from links import broken
    page = tmp_path/'a.html'
    page.write_text('<p id="here"><a href="#here">1</a><a href="a.html#here">2</a>'
        '<a href="https://example.org">3</a><a href="mailto:a@b.c">4</a>', encoding='utf-8')
    assert not broken(tmp_path)
    for wrong, why in (
        ('<a href="b.html">', 'not there'),
        ('<a href="#gone">', 'no such anchor'),
        ('<script src="https://example.org/x.js">', 'another host'),
        ('<img src="//example.org/x.png">', 'another host'),
        ('<a href="../a.html">', 'outside the site'),
        ('<a href="file:///tmp">', 'only this machine')):
        page.write_text(wrong, encoding='utf-8')
        assert why in broken(tmp_path)[0], wrong
    page.write_text('', encoding='utf-8')
    far = '@import url("https://example.org/f.css");'
    (tmp_path/'a.css').write_text(far, encoding='utf-8')
    assert 'another host' in broken(tmp_path)[0]

def test_speaks_of_itself_alone():
    listed = subprocess.run(['git', 'ls-files'], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip('not a git checkout')
    for name in listed.stdout.split('\n'):
        skipped = not name or name.endswith('.png') or name=='tests/test_project.py'
        if skipped or not (root/name).exists(): continue
        for bad in ('/root/', '/work/', '/home/', 'site-packages'):
            assert bad not in read(name), f'{name} names a path of one machine: {bad}'
