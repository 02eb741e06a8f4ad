"The API reference from signatures and docments, as pages that Sphinx indexes; the command reference from `--help`."
import importlib, inspect, pkgutil, re
from pathlib import Path
from fastcore.docments import docments

def modules()->list:
    import cocogen
    return sorted(m.name for m in pkgutil.walk_packages(cocogen.__path__, 'cocogen.') if not m.ispkg and m.name.split('.')[-1] not in ('_modidx', 'cli'))

def ours(o)->bool: return getattr(o, '__module__', '') and str(o.__module__).startswith('cocogen.') and hasattr(o, '__qualname__')
def kind(anno)->str:
    "An annotation as text that Sphinx can link"
    if anno is inspect.Parameter.empty or anno is None: return ''
    if ours(anno): return f'{anno.__module__}.{anno.__qualname__}'
    if inspect.isclass(anno): return anno.__name__ if anno.__module__=='builtins' else f'{anno.__module__.split(".")[0]}.{anno.__name__}'
    return str(anno)

def escaped(text:str)->str:
    "Prose of a docstring as reStructuredText: what stands in backticks is code"
    return ''.join(part if k%2 else re.sub(r'([*|\\]|_\b)', r'\\\1', part) for k, part in enumerate(re.split(r'(`[^`]*`)', ' '.join((text or '').split()))))

def default(v)->str:
    "A default as it would be written; a long value is cut"
    text = v.__name__ if inspect.isclass(v) or inspect.isfunction(v) else repr(v)
    text = re.sub(r'<(\w+)[^>]*>', r'\1', text)
    return text if len(text)<=40 else text[:36] + '...'

def signature(fn)->str:
    try: s = inspect.signature(fn)
    except (TypeError, ValueError): return '()'
    out, star = [], False
    for p in s.parameters.values():
        if p.name=='self': continue
        if p.kind is p.KEYWORD_ONLY and not star: out.append('*'); star = True
        star |= p.kind is p.VAR_POSITIONAL
        mark = {p.VAR_POSITIONAL: '*', p.VAR_KEYWORD: '**'}.get(p.kind, '')
        anno = kind(p.annotation)
        out.append(f'{mark}{p.name}' + (f': {anno}' if anno else '') + ('' if p.default is p.empty else f' = {default(p.default)}' if anno else f'={default(p.default)}'))
    back = kind(s.return_annotation)
    return f"({', '.join(out)})" + (f' -> {back}' if back else '')

def indent(text:str)->str: return '\n'.join('   ' + line if line else '' for line in text.split('\n'))

def fields(fn)->str:
    "Parameters with their docments"
    try: found = docments(fn, full=True); first = inspect.getsource(fn).lstrip().split('\n')[0]
    except Exception: return ''
    if re.match(r'def .*\).*:\s+\S.*#', first): return f':returns: {escaped(first.rsplit("#", 1)[1])}'       # a note beside a body on the same line is of the result
    lines = [f':param {k}: {escaped(v["docment"])}' for k, v in found.items() if k not in ('return', 'self') and v.get('docment')]
    return '\n'.join(lines + ([f':returns: {escaped(found["return"]["docment"])}'] if found.get('return', {}).get('docment') else []))

def entry(directive:str, name:str, sign:str, module:str, doc:str, body:str='')->str:
    return f'.. py:{directive}:: {name}{sign}\n' + (f'   :module: {module}\n' if module else '') + '\n' + indent('\n\n'.join(t for t in (escaped(doc), body) if t)) + '\n'

def members(cls)->str:
    "Fields and public methods that a class defines itself"
    out, notes = [], {}
    if hasattr(cls, '__dataclass_fields__'):
        try: notes = docments(cls, full=True)
        except Exception: pass
        for k in cls.__dataclass_fields__: out.append(entry('attribute', k, '', '', (notes.get(k) or {}).get('docment') or ''))
    elif hasattr(cls, '_fields'): out += [entry('attribute', k, '', '', '') for k in cls._fields]
    for k, v in vars(cls).items():
        f = getattr(v, '__func__', v)
        if k.startswith('_') or k in getattr(cls, '__dataclass_fields__', ()) or k in getattr(cls, '_fields', ()): continue
        if isinstance(v, property) or type(v).__name__=='cached_property': out.append(entry('property', k, '', '', inspect.getdoc(v) or inspect.getdoc(getattr(v, 'fget', None) or getattr(v, 'func', None)) or ''))
        elif inspect.isfunction(f) and str(f.__module__).startswith('cocogen'):
            out.append(entry('classmethod' if isinstance(v, classmethod) else 'staticmethod' if isinstance(v, staticmethod) else 'method', k, signature(f).replace('(cls, ', '(').replace('(cls)', '()'), '', inspect.getdoc(f) or '', fields(f)))
    return '\n'.join(out)

def described(module, name:str)->str:
    v = getattr(module, name)
    if inspect.isclass(v):
        error = issubclass(v, BaseException)
        return entry('exception' if error else 'class', name, '' if error else signature(v), module.__name__, vars(v).get('__doc__') or '' if not str(vars(v).get('__doc__')).startswith(f'{name}(') else '', members(v) if not error else '')
    if inspect.isfunction(v): return entry('function', name, signature(v), module.__name__, inspect.getdoc(v) or '', fields(v))
    if hasattr(v, '__wrapped__'): return entry('function', name, signature(v.__wrapped__), module.__name__, inspect.getdoc(v.__wrapped__) or '', fields(v.__wrapped__))
    return entry('data', name, '', module.__name__, '', '' if len(repr(v))>300 else f'``{repr(v)}``')

def reference(
    explained:dict # module: page of its notebook
)->dict:
    "Pages of the reference by name"
    pages, first = {}, {}
    for m in modules():
        mod = importlib.import_module(m)
        names = [n for n in getattr(mod, '__all__', ()) if not n.startswith('_')]
        first[m] = escaped(mod.__doc__ or '')
        title = f'{m}\n{"="*len(m)}\n'
        told = f':doc:`The notebook that explains it </{explained[m]}>`\n' if m in explained else ''
        pages[m] = f'{title}\n.. py:module:: {m}\n\n{first[m]}\n\n{told}\n' + '\n'.join(described(mod, n) for n in names)
    layers = {'cocogen.game': 'The economics of a round: numpy and scipy only', 'cocogen.fl': 'Data, generators, training, rounds, runs', 'cocogen.explore': 'Figures, explorers, the application', 'cocogen.deploy.nodes': 'Processes of a deployment: the standard library only', 'cocogen.deploy.commands': 'The commands of a deployment'}
    body = ''
    for layer, what in layers.items():
        inside = [m for m in pages if m==layer or m.startswith(layer + '.')]
        body += f'\n{layer}\n{"-"*len(layer)}\n\n{what}.\n\n' + '\n'.join(f'* :doc:`{m} <{m}>`: {first[m]}' for m in inside) + '\n\n.. toctree::\n   :hidden:\n\n' + '\n'.join(f'   {m}' for m in inside) + '\n'
    pages['index'] = 'API reference\n=============\n\nEvery public name with its signature and the notes on its parameters. *[source]* opens the code; the notebook of a module explains and tests it. Names that ``cocogen.game``, ``cocogen.fl`` and ``cocogen.explore`` export themselves are the stable ones.\n' + body
    return pages

def commands()->str:
    "What each command takes, as its `--help` says"
    from typer.main import get_command
    from typer.testing import CliRunner
    from cocogen.cli import app
    ask = lambda *a: CliRunner().invoke(app, [*a, '--help'], prog_name='cocogen', env=dict(COLUMNS='100', TERMINAL_WIDTH='100', NO_COLOR='1')).output.strip()
    found = sorted(get_command(app).commands.items())
    names = [n for name, c in found for n in (name, *(f'{name} {sub}' for sub in getattr(c, 'commands', ())))]           # `consortium` holds commands of its own
    return '# Command reference\n\n```text\n' + ask() + '\n```\n\n' + '\n'.join(f'## cocogen {n}\n\n```text\n{ask(*n.split())}\n```\n' for n in names)
