"""How code and prose stand on the page: lines, cells, words, titles.

What a linter can check, ruff checks (its rules are in pyproject.toml). The rest is read here,
from the notebooks and the Python files that are not exported from them.
"""
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
notebooks = sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)
scripts = sorted(p for d in ('tests', 'docs') for p in (root/d).glob('*.py'))
scripts += [root/k for k in ('setup.py', 'conftest.py', 'install.py')]

MOST = 40            # lines of an export cell
WORDS = 4            # of prose per line of exported code, at least
LONGER = {}          # cells that may be longer, by notebook: a text in the cell, and why

SIMPLE = (ast.Return, ast.Raise, ast.Continue, ast.Break, ast.Pass)

def cells(path:Path)->list:
    "Kind and source of each cell"
    found = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [(c['cell_type'], ''.join(c['source'])) for c in found]

def exported(path:Path)->list:
    "Sources of the cells that become the module"
    return [s for kind, s in cells(path) if kind=='code' and re.match(r'#\|\s*exporti?\b', s)]

def code_lines(source:str)->list:
    "Lines that are neither blank nor comments"
    return [l for l in source.splitlines() if l.strip() and not l.strip().startswith('#')]

def words(path:Path)->int:
    "Words of prose in a notebook; what a link leads to is no prose"
    prose = ' '.join(s for kind, s in cells(path) if kind=='markdown')
    return len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r'\]\([^)]*\)', ']', prose)))

def short(path:Path)->str:
    "A file's place in the project"
    return str(path.relative_to(root))

def ruff(*args):
    "What ruff finds, as text"
    run = [sys.executable, '-m', 'ruff', 'check', '--no-cache', '--output-format', 'concise', *args]
    done = subprocess.run(run, cwd=root, capture_output=True, text=True)
    return '' if done.returncode==0 else done.stdout + done.stderr

def test_linter():
    found = ruff('nbs', 'tests', 'docs', 'setup.py', 'conftest.py', 'install.py')
    assert not found, found

def test_nothing_unused_is_imported():
    "In exported modules, where an import that nobody needs costs every user"
    found = ruff('--isolated', '--select', 'F401,F811', '--exclude', '__init__.py', 'cocogen')
    assert not found, found

def blocks(node)->list:
    "The blocks of a compound statement; an elif is a statement of its own"
    found = [getattr(node, part, None) for part in ('body', 'orelse', 'finalbody')]
    if isinstance(node, ast.If) and node.orelse and isinstance(node.orelse[0], ast.If):
        found[1] = None
    return [b for b in found if isinstance(b, list) and b]

def one_liners(source:str)->list:
    "Lines on which a block begins beside what opens it, unless it only returns, raises or leaves"
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module): continue
        for block in blocks(node):
            first = block[0]
            line = lines[first.lineno - 1]
            before = line.encode()[:first.col_offset].decode().strip()
            if before and not before.startswith('@') and not isinstance(first, SIMPLE):
                found.append(line.strip())
    return found

def python(source:str)->str:
    "The source of a cell with what is no Python (a magic) left out"
    return '\n'.join('pass' if re.match(r'\s*[%!]', l) else l for l in source.splitlines())

def sources(path:Path)->list:
    "The Python of a notebook's cells, or of a file"
    if path.suffix!='.ipynb': return [path.read_text(encoding='utf-8')]
    return [python(s) for kind, s in cells(path) if kind=='code']

def test_one_line_bodies_only_return_or_raise():
    found = [f'{short(p)}: {l}' for p in notebooks + scripts for s in sources(p)
        for l in one_liners(s)]
    assert not found, '\n'.join(found)

def test_the_reader_of_bodies():
    "It knows a bare return or raise from everything else"
    for good in ('if a: return 1', 'if a: raise E', 'for x in y: continue', 'if a:\n    b = 1',
        'def f(): return 1', 'if a:\n    b\nelif c:\n    d', 'x = lambda: 1 if a else 2',
        'class A:\n    @p\n    def f(self):\n        pass'):
        assert not one_liners(good), good
    for bad in ('if a: b = 1', 'for x in y: f(x)', 'with a: b()', 'class E(V): "text"',
        'try: f()\nexcept V:\n    pass', 'if a:\n    b\nelse: c()', 'def f(): g()'):
        assert len(one_liners(bad))==1, bad

def test_commands_in_prose_are_short():
    "Blocks of commands and code in prose: as wide as code"
    found = []
    for p in (*notebooks, root/'CONTRIBUTING.md', root/'nbs'/'glossary.md'):
        texts = [p.read_text(encoding='utf-8')] if p.suffix=='.md' else \
            [s for kind, s in cells(p) if kind=='markdown']
        for block in re.findall(r'(?ms)^```.*?^```', '\n'.join(texts)):
            found += [f'{short(p)}: {l}' for l in block.splitlines() if len(l)>100]
    assert not found, '\n'.join(found)

def test_cells_hold_one_idea():
    "At most forty lines; those that are longer are named above, with the reason"
    found = []
    for p in notebooks:
        for s in exported(p):
            size = len([l for l in s.splitlines() if l.strip() and not l.startswith('#|')])
            if size>MOST and not any(text in s for text in LONGER.get(p.name, ())):
                found.append(f'{short(p)}: {size} lines from {s.splitlines()[1]!r} on')
    assert not found, '\n'.join(found)

def test_code_is_explained():
    found = []
    for p in notebooks:
        lines, said = sum(len(code_lines(s)) for s in exported(p)), words(p)
        if said<WORDS*lines:
            found.append(f'{short(p)}: {said} words beside {lines} lines of exported code')
    assert not found, '\n'.join(found)

def module_of(path:Path):
    "The module that a notebook exports, or None"
    for kind, s in cells(path):
        if kind=='code' and (m := re.search(r'^#\|\s*default_exp\s+(\S+)', s, re.M)): return m[1]
    return None

def test_pages_are_named_for_a_reader():
    "The title is what a person would search for; a module's name stands below it"
    for p in notebooks:
        kind, first = cells(p)[0]
        title, *rest = first.splitlines()
        assert kind=='markdown' and title.startswith('# '), f'{short(p)}: {title}'
        if not (module := module_of(p)): continue
        assert title[2:].strip()!=module.split('.')[-1], f'{short(p)}: {title}'
        below = next((l for l in rest if l.strip()), '')
        assert f'`cocogen.{module}`' in below, f'below the title of {short(p)}: {below!r}'

HIDDEN = r"\(sections? \d|\bsection \d+ of the spec|\bthe specification\b"
ODD = r"number that is none|numbers that are none|the same and then some|is no accident of"

def test_nothing_refers_to_a_text_that_is_not_here():
    found = [f'{short(p)}: {m[0]}' for p in notebooks for _, s in cells(p)
        for m in re.finditer(HIDDEN, s)]
    assert not found, '\n'.join(found)

def test_prose_is_plain():
    "A few phrases that readers stumbled over"
    found = [f'{short(p)}: {m[0]}' for p in notebooks for kind, s in cells(p) if kind=='markdown'
        for m in re.finditer(ODD, s)]
    assert not found, '\n'.join(found)
