"The API reference from signatures and docments; the command reference from `--help`."
import importlib
import inspect
import pkgutil
import re
from fastcore.docments import docments

ROOMS = {            # what a reader finds in each room
    'cocogen.files': 'Whole files, formats, folders, and the base of all errors',
    'cocogen.streams': 'Random numbers by name',
    'cocogen.processes': 'Processes that end together',
    'cocogen.game': 'The economics of a round: numpy and scipy only',
    'cocogen.fl': 'Data, generators, training, rounds, runs',
    'cocogen.explore': 'Figures, explorers, the application',
    'cocogen.study': 'The study: plan, playing, tables, verdicts, figures, maps',
    'cocogen.deploy': 'A consortium across machines',
    'cocogen.console': 'Values, tables and pictures for a terminal'}

def modules()->list:
    "Names of all modules that have a reference page"
    import cocogen
    found = pkgutil.walk_packages(cocogen.__path__, 'cocogen.')
    left_out = ('_modidx', 'cli')
    return sorted(m.name for m in found if not m.ispkg and m.name.split('.')[-1] not in left_out)

# ---------------------------------------------------------------- signatures

def ours(o)->bool:
    "Whether a class or function is one of the package"
    module = str(getattr(o, '__module__', ''))
    return module.startswith('cocogen.') and hasattr(o, '__qualname__')

def kind(anno)->str:
    "An annotation as text that Sphinx can link"
    if anno is inspect.Parameter.empty or anno is None: return ''
    if hasattr(anno, '__metadata__'): return kind(anno.__origin__)    # what Typer needs to know
    if ours(anno): return f'{anno.__module__}.{anno.__qualname__}'
    if not inspect.isclass(anno): return str(anno)
    if anno.__module__=='builtins': return anno.__name__
    return f'{anno.__module__.split(".")[0]}.{anno.__name__}'

def escaped(text:str)->str:
    "Prose of a docstring as reStructuredText: what stands in backticks is code"
    parts = re.split(r'(`[^`]*`)', ' '.join((text or '').split()))
    return ''.join(part if k%2 else re.sub(r'([*|\\]|_\b)', r'\\\1', part)
        for k, part in enumerate(parts))

def default(v)->str:
    "A default as it would be written; a long value is cut"
    named = inspect.isclass(v) or inspect.isfunction(v)
    text = re.sub(r'<(\w+)[^>]*>', r'\1', v.__name__ if named else repr(v))
    return text if len(text)<=40 else text[:36] + '...'

def parameter(p)->str:
    "One parameter as it stands in a signature"
    stars = {p.VAR_POSITIONAL: '*', p.VAR_KEYWORD: '**'}.get(p.kind, '')
    anno = kind(p.annotation)
    text = stars + p.name + (f': {anno}' if anno else '')
    if p.default is p.empty: return text
    return text + (f' = {default(p.default)}' if anno else f'={default(p.default)}')

def signature(fn)->str:
    "A signature without `self`, in a form that Sphinx reads"
    try:
        s = inspect.signature(fn)
    except (TypeError, ValueError):
        return '()'
    out, star = [], False
    for p in s.parameters.values():
        if p.name=='self': continue
        if p.kind is p.KEYWORD_ONLY and not star:
            out.append('*')
            star = True
        star |= p.kind is p.VAR_POSITIONAL
        out.append(parameter(p))
    back = kind(s.return_annotation)
    return f"({', '.join(out)})" + (f' -> {back}' if back else '')

# ---------------------------------------------------------------- entries

def indent(text:str)->str:
    "Text as the body of a directive"
    return '\n'.join('   ' + line if line else '' for line in text.split('\n'))

def own_notes(o)->dict:
    "The comments beside parameters or fields, by name; none where there is no source"
    try:
        return docments(o, full=True)
    except Exception:                            # docments reads source, and raises anything
        return {}

def notes_of(o)->dict:
    "As `own_notes`, with those of the dataclasses that a class is made of"
    if not inspect.isclass(o): return own_notes(o)
    notes = {}
    for base in reversed(o.__mro__[:-1]):
        notes |= {k: v for k, v in own_notes(base).items() if v.get('docment')}
    return notes

def fields(fn)->str:
    "Parameters with their docments"
    found = notes_of(fn)
    if not found: return ''
    first = inspect.getsource(fn).lstrip().split('\n')[0]
    if re.match(r'def .*\).*:\s+\S.*#', first):  # a note beside a body is of the result
        return f':returns: {escaped(first.rsplit("#", 1)[1])}'
    lines = [f':param {k}: {escaped(v["docment"])}' for k, v in found.items()
        if k not in ('return', 'self') and v.get('docment')]
    back = found.get('return', {}).get('docment')
    return '\n'.join(lines + ([f':returns: {escaped(back)}'] if back else []))

def entry(directive:str, name:str, sign:str='', module:str='', doc:str='', body:str='')->str:
    "A directive of Sphinx's Python domain"
    text = '\n\n'.join(t for t in (escaped(doc), body) if t)
    place = f'   :module: {module}\n' if module else ''
    return f'.. py:{directive}:: {name}{sign}\n{place}\n{indent(text)}\n'

def attributes(cls)->list:
    "Entries of the fields of a dataclass or named tuple"
    names = getattr(cls, '__dataclass_fields__', None) or getattr(cls, '_fields', ())
    notes = notes_of(cls)
    return [entry('attribute', k, doc=(notes.get(k) or {}).get('docment') or '') for k in names]

def property_doc(v)->str:
    "The docstring of a property or cached property"
    inner = getattr(v, 'fget', None) or getattr(v, 'func', None)
    return inspect.getdoc(v) or inspect.getdoc(inner) or ''

def member(name:str, v)->str:
    "The entry of a property or method; empty if it is neither"
    f = getattr(v, '__func__', v)
    if isinstance(v, property) or type(v).__name__=='cached_property':
        return entry('property', name, doc=property_doc(v))
    if not (inspect.isfunction(f) and str(f.__module__).startswith('cocogen')): return ''
    kinds = {classmethod: 'classmethod', staticmethod: 'staticmethod'}
    sign = signature(f).replace('(cls, ', '(').replace('(cls)', '()')
    directive = kinds.get(type(v), 'method')
    return entry(directive, name, sign, doc=inspect.getdoc(f) or '', body=fields(f))

def members(cls)->str:
    "Fields and public methods that a class defines itself"
    known = {*getattr(cls, '__dataclass_fields__', ()), *getattr(cls, '_fields', ())}
    methods = [member(k, v) for k, v in vars(cls).items()
        if not k.startswith('_') and k not in known]
    return '\n'.join([*attributes(cls), *(m for m in methods if m)])

def class_entry(name:str, cls, module:str)->str:
    "The entry of a class or error"
    doc = str(vars(cls).get('__doc__') or '')
    doc = '' if doc.startswith(f'{name}(') else doc          # a dataclass writes its own
    if issubclass(cls, BaseException): return entry('exception', name, '', module, doc)
    return entry('class', name, signature(cls), module, doc, members(cls))

def described(module, name:str)->str:
    "The entry of a public name"
    v = getattr(module, name)
    if inspect.isclass(v): return class_entry(name, v, module.__name__)
    f = v if inspect.isfunction(v) else getattr(v, '__wrapped__', None)
    if f is not None:
        doc = inspect.getdoc(f) or ''
        return entry('function', name, signature(f), module.__name__, doc, fields(f))
    text = re.sub(r' at 0x[0-9a-f]+', '', repr(v))     # an address is another one each time
    value = '' if len(text)>300 else f'``{text}``'
    return entry('data', name, '', module.__name__, '', value)

# ---------------------------------------------------------------- pages

def summary(module)->str:
    "The sentence that stands below a notebook's title, without the name of the module"
    return escaped(re.sub(r'^`[\w.]+`: ', '', module.__doc__ or ''))

def page(m:str, explained:dict)->str:
    "The reference page of a module"
    module = importlib.import_module(m)
    names = [n for n in getattr(module, '__all__', ()) if not n.startswith('_')]
    told = f':doc:`The notebook that explains it </{explained[m]}>`' if m in explained else ''
    head = [f'{m}\n{"="*len(m)}', f'.. py:module:: {m}', summary(module), told]
    return '\n\n'.join(head) + '\n\n' + '\n'.join(described(module, n) for n in names)

def index(first:dict)->str:
    "The page that lists all modules by room, with the first sentence of each"
    body = ''
    for room, what in ROOMS.items():
        inside = [m for m in first if m==room or m.startswith(room + '.')]
        listed = '\n'.join(f'* :doc:`{m} <{m}>`: {first[m]}' for m in inside)
        hidden = '\n'.join(f'   {m}' for m in inside)
        body += f'\n{room}\n{"-"*len(room)}\n\n{what}.\n\n{listed}\n\n'
        body += f'.. toctree::\n   :hidden:\n\n{hidden}\n'
    return ('API reference\n=============\n\nEvery public name with its signature and the notes '
        'on its parameters. *[source]* opens the code; the notebook of a module explains and '
        'tests it. Names that ``cocogen.game``, ``cocogen.fl``, ``cocogen.study`` and '
        '``cocogen.explore`` export themselves are the stable ones.\n' + body)

def reference(
    explained:dict # module: page of its notebook
)->dict:
    "Pages of the reference by name"
    names = modules()
    pages = {m: page(m, explained) for m in names}
    first = {m: summary(importlib.import_module(m)) for m in names}
    return pages | dict(index=index(first))

def commands()->str:
    "What each command takes, as its `--help` says"
    from typer.main import get_command
    from typer.testing import CliRunner
    from cocogen.cli import app
    plain = dict(COLUMNS='96', TERMINAL_WIDTH='96', NO_COLOR='1')
    def ask(*words):
        asked = CliRunner().invoke(app, [*words, '--help'], prog_name='cocogen', env=plain)
        return f'```text\n{asked.output.strip()}\n```\n'
    text = f'# Command reference\n\n{ask()}\n'
    for name, command in sorted(get_command(app).commands.items()):
        for words in (name, *(f'{name} {sub}' for sub in getattr(command, 'commands', ()))):
            text += f'## cocogen {words}\n\n{ask(*words.split())}\n'
    return text
