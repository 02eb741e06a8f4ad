"""Rooms and arrows: who may import whom, that nobody imports in a circle, and what stays light.

Every import of every module is read from its source, those inside functions too. A line
`from a import b` counts as an import of `a.b` where that is a module, else of `a`.
"""
import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path
import pytest

root = Path(__file__).resolve().parent.parent

# A room may import itself and the rooms to its left; `base` is files, streams and processes.
ORDER = ('base', 'game', 'fl', 'explore', 'study', 'console', 'deploy', 'cli')
BASE = ('files', 'streams', 'processes')
ALLOWED = dict(
    base={'base'},
    game={'base', 'game'},
    fl={'base', 'game', 'fl'},
    explore={'base', 'game', 'fl', 'explore'},
    study={'base', 'game', 'fl', 'explore', 'study'},
    console={'base', 'game', 'fl', 'explore', 'console'},
    deploy={'base', 'game', 'fl', 'console', 'deploy'},
    cli=set(ORDER))

def modules(package:Path)->dict:
    "Path of every module of a package, by its full name; packages by the name of their folder"
    out = {}
    for p in sorted(package.rglob('*.py')):
        parts = (package.name, *p.relative_to(package).with_suffix('').parts)
        if parts[-1]=='_modidx': continue
        out['.'.join(parts[:-1] if parts[-1]=='__init__' else parts)] = p
    return out

def imported(name:str, path:Path, known:dict)->set:
    "Modules of the package that a module imports, wherever in its source"
    package = name.split('.') if path.name=='__init__.py' else name.split('.')[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            start = '.'.join([*above, *([node.module] if node.module else [])])
            inside = {f'{start}.{a.name}' for a in node.names} & set(known)
            plain = any(f'{start}.{a.name}' not in known for a in node.names)
            found |= inside | ({start} if plain else set())
    return found & set(known) - {name}

def circle(arrows:dict)->list:
    "Modules that import each other in a circle, in order; an empty list where there is none"
    done, path = set(), []
    def walk(name):
        if name in path: return path[path.index(name):] + [name]
        if name in done: return []
        path.append(name)
        for other in sorted(arrows[name]):
            if found := walk(other): return found
        done.add(path.pop())
        return []
    for name in sorted(arrows):
        if found := walk(name): return found
    return []

known = modules(root/'cocogen')
arrows = {name: imported(name, path, known) for name, path in known.items()}

def room(name:str)->str:
    "The room of a module; the package itself belongs to the base"
    part = (name.split('.') + ['base'])[1]
    return 'base' if part in BASE else part

def test_nobody_imports_in_a_circle():
    found = circle(arrows)
    assert not found, ' imports '.join(found)

def test_arrows_go_one_way():
    for name, others in arrows.items():
        for other in sorted(others):
            may = ALLOWED[room(name)]
            assert room(other) in may, f'{name} imports {other}; it may import {sorted(may)}'

def test_every_module_has_a_room():
    assert {room(name) for name in known}==set(ORDER), sorted({room(name) for name in known})

def test_the_reader_of_imports(tmp_path):
    "It finds circles through deferred, relative and package imports, and none where none is"
    package = tmp_path/'p'
    package.mkdir()
    def read(**texts):
        for p in package.iterdir():
            p.unlink()
        for name, text in texts.items():
            (package/f'{name}.py').write_text(text, encoding='utf-8')
        found = modules(package)
        return circle({name: imported(name, path, found) for name, path in found.items()})
    assert read(__init__='', a='import os\nfrom p.b import x', b='x = 1')==[]
    late = 'def f():\n    from .a import y\nx = 1'
    assert read(__init__='', a='from p.b import x', b=late)==['p.a', 'p.b', 'p.a']
    assert read(__init__='', a='from . import b', b='import p.a')==['p.a', 'p.b', 'p.a']
    through = dict(__init__='from .a import f', a='from p.b import x', b='import p')
    assert read(**through)==['p', 'p.a', 'p.b', 'p']
    assert read(__init__='from .a import f', a='from . import b', b='')==[]

def loaded(statement:str)->set:
    "Top-level names of the modules that a fresh interpreter holds after a statement"
    code = f"{statement}; import sys; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True,
        check=True)
    return set(done.stdout.split())

def test_game_is_light():
    "Economics needs numpy and scipy, and loads none of the package's other requirements"
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
    ini.read(root/'settings.ini', encoding='utf-8')
    required = ini['DEFAULT']['requirements'].split()
    needs = {re.match(r'[\w-]+', r)[0] for r in required} | {'sklearn', 'PIL', 'IPython'}
    heavy = loaded('import cocogen.game') & needs
    assert heavy=={'numpy', 'scipy'}, heavy

@pytest.mark.parametrize('module', ['cocogen.processes', 'cocogen.deploy.nodes'])
def test_what_waits_is_light(module):
    "What waits for messages all day holds nothing that it does not need"
    heavy = loaded(f'import {module}') & {'numpy', 'torch', 'pandas', 'flwr'}
    assert not heavy, heavy

def test_the_command_line_starts_light():
    "A mistyped command is answered without loading torch"
    heavy = loaded('import cocogen.cli') & {'torch', 'pandas', 'matplotlib', 'flwr'}
    assert not heavy, heavy
