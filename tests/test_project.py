"The project as a whole: exports in sync, notebooks clean, metadata in step, nothing of a particular machine in it."
import ast, configparser, filecmp, json, re, shutil, subprocess, sys
from pathlib import Path
import pytest

root = Path(__file__).resolve().parent.parent
notebooks = sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

def nbdev(command, tmp_path):
    "A copy of the project after an nbdev command"
    for d in ('nbs', 'cocogen'): shutil.copytree(root/d, tmp_path/d, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for f in ('pyproject.toml', 'settings.ini'): shutil.copy(root/f, tmp_path/f)
    for p in (tmp_path/'cocogen').rglob('*.py'):         # what is left after an export was exported
        if p.name!='__init__.py' and command=='nbdev-export': p.unlink()
    subprocess.run([Path(sys.executable).parent/command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path

def test_exports_in_sync(tmp_path):
    copy = nbdev('nbdev-export', tmp_path)
    modules = lambda where: {p.relative_to(where) for p in (where/'cocogen').rglob('*.py')}
    assert len(modules(copy))>15
    assert modules(copy)==modules(root), f'modules without a notebook, or the reverse: {sorted(map(str, modules(copy) ^ modules(root)))}'
    stale = sorted(str(f) for f in modules(copy) if not filecmp.cmp(copy/f, root/f, shallow=False))
    assert not stale, f"run `make export`: {stale} differ from the notebooks"

def test_notebooks_clean(tmp_path):
    copy = nbdev('nbdev-clean', tmp_path)
    dirty = [str(p.relative_to(root)) for p in notebooks if not filecmp.cmp(copy/p.relative_to(root), p, shallow=False)]
    assert not dirty, f"run `make export`: {dirty} hold metadata"

def test_no_cell_is_switched_off():
    for p in notebooks:
        for c in json.loads(p.read_text(encoding='utf-8'))['cells']: assert not re.search(r'^#\|\s*eval:\s*false', ''.join(c['source']), re.M), f'{p.name} has a cell that never runs'

def test_nothing_asserts_a_time():
    "A slow machine is no fault of the code: what must be fast is asserted as work done, and timed in benchmarks, which print"
    clock, waits = re.compile(r'perf_counter|time\.time\(|time\.monotonic|process_time|timeit'), re.compile(r'(?m)^\s*(assert|test_)\b.*(perf_counter|time\.time|time\.monotonic|\btook\b|\bseconds\b|_ms\b)')
    for p in notebooks:
        if p.parent.name=='experiments': continue                          # what a card took is a result there, and printed
        for c in json.loads(p.read_text(encoding='utf-8'))['cells']:
            text = ''.join(c['source'])
            if c['cell_type']!='code' or re.match(r'#\|\s*export', text): continue
            assert not waits.search(text), f'{p.name} asserts a time: {waits.search(text)[0].strip()}'
            assert p.parent.name=='benchmarks' or not clock.search(text), f'{p.name} looks at a clock: {clock.search(text)[0]}; timings belong to nbs/benchmarks'
    for p in root.glob('test_*.py'):
        if p.name!='test_project.py': assert not waits.search(p.read_text(encoding='utf-8')), f'{p.name} asserts a time'

def test_metadata_in_step():
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None); ini.read(root/'settings.ini', encoding='utf-8'); cfg = ini['DEFAULT']
    toml = (root/'pyproject.toml').read_text(encoding='utf-8')
    init = (root/'cocogen'/'__init__.py').read_text(encoding='utf-8')
    assert f'__version__ = "{cfg["version"]}"' in init and f'name = "{cfg["lib_name"]}"' in toml and f'requires-python = ">={cfg["min_python"]}"' in toml
    assert f"version: {cfg['version']}" in (root/'CITATION.cff').read_text(encoding='utf-8')
    assert f"## {cfg['version']}" in (root/'CHANGELOG.md').read_text(encoding='utf-8')

def test_readme_is_the_front_page():
    readme = (root/'README.md').read_text(encoding='utf-8')
    for c in json.loads((root/'nbs'/'index.ipynb').read_text(encoding='utf-8'))['cells']:
        text = ''.join(c['source']).replace('](images/', '](nbs/images/')
        if not text.startswith('#|'): assert text in readme, f'run `make readme`: README.md lacks {text[:60]!r}'
    for link in re.findall(r'\]\((?!http)([^)#]+)\)', readme): assert (root/link).exists(), f'README.md points to {link}, which is not there'

def test_game_is_light():
    "Economics needs numpy and scipy, and loads none of the package's other requirements"
    code = "import cocogen.game, sys; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = set(subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True).stdout.split())
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None); ini.read(root/'settings.ini', encoding='utf-8')
    needs = {re.match(r'[\w-]+', r)[0] for r in ini['DEFAULT']['requirements'].split()} | {'sklearn', 'PIL', 'IPython'}
    assert loaded & needs=={'numpy', 'scipy'}, loaded & needs

def test_nodes_are_light():
    "What waits for messages all day holds nothing that it does not need"
    code = "import cocogen.deploy.nodes, sys; print([m for m in ('numpy', 'torch', 'pandas', 'flwr') if m in sys.modules])"
    assert subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True).stdout.strip()=='[]'

def test_arrows_go_one_way():
    allowed = dict(game={'game'}, fl={'game', 'fl', 'nodes'}, explore={'game', 'fl', 'explore'})
    for p in (root/'cocogen').rglob('*.py'):
        layer = p.relative_to(root/'cocogen').parts[0]
        if layer not in allowed: continue
        for node in ast.walk(ast.parse(p.read_text(encoding='utf-8'))):
            if not isinstance(node, ast.ImportFrom): continue
            package = ('cocogen', *p.relative_to(root/'cocogen').parts[:-1])
            name = '.'.join([*package[:len(package) - node.level + 1], *([node.module] if node.module else [])]) if node.level else node.module or ''
            if name.startswith('cocogen.'): assert name.split('.')[1] in allowed[layer], f'{p.name} imports {name}'

def test_workflows():
    "GitHub's own schema, and nothing that a person could not run: every command is a make target, or the gate that calls one"
    flows = sorted((root/'.github'/'workflows').glob('*.y*ml'))
    assert {p.stem for p in flows}=={'test', 'docs', 'release'}
    lint = subprocess.run([Path(sys.executable).parent/'check-jsonschema', '--builtin-schema', 'vendor.github-workflows', *flows], capture_output=True, text=True)
    assert not lint.returncode, lint.stdout + lint.stderr
    targets = set(re.findall(r'^([a-z-]+):', (root/'Makefile').read_text(encoding='utf-8'), re.M))
    for p in flows:
        for command in re.findall(r'run: (.*)', p.read_text(encoding='utf-8')):
            assert command=='bash .ci/run' or re.match(r'make ([a-z-]+)', command)[1] in targets, f'{p.name} runs {command!r}, which is no make target'

def test_link_checker(tmp_path):
    sys.path.insert(0, str(root/'docs')); from links import broken
    page = tmp_path/'a.html'
    page.write_text('<p id="here"><a href="#here">1</a><a href="a.html#here">2</a><a href="https://example.org">3</a><a href="mailto:a@b.c">4</a>', encoding='utf-8')
    assert not broken(tmp_path)
    for wrong, why in (('<a href="b.html">', 'not there'), ('<a href="#gone">', 'no such anchor'), ('<script src="https://example.org/x.js">', 'another host'), ('<img src="//example.org/x.png">', 'another host'), ('<a href="../a.html">', 'outside the site'), ('<a href="file:///tmp">', 'only this machine')):
        page.write_text(wrong, encoding='utf-8')
        assert why in broken(tmp_path)[0], wrong
    page.write_text('', encoding='utf-8'); (tmp_path/'a.css').write_text('@import url("https://example.org/f.css");', encoding='utf-8')
    assert 'another host' in broken(tmp_path)[0]

def test_extras_in_step():
    "What the oldest constraints are made of: every requirement has a lower bound"
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None); ini.read(root/'settings.ini', encoding='utf-8')
    for r in ini['DEFAULT']['requirements'].split(): assert re.match(r'[\w-]+>=\d', r), f'settings.ini: {r} has no lower bound'

def test_speaks_of_itself_alone():
    listed = subprocess.run(['git', 'ls-files'], cwd=root, capture_output=True, text=True)
    if listed.returncode: pytest.skip('not a git checkout')
    for name in listed.stdout.split('\n'):
        if not name or name.endswith('.png') or name=='test_project.py' or not (root/name).exists(): continue
        text = (root/name).read_text(encoding='utf-8')
        for bad in ('/root/', '/work/', '/home/', 'site-packages'): assert bad not in text, f'{name} names a path of one machine: {bad}'
