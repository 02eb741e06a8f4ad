"""Builds what people read from the notebooks.

`python docs/build.py readme` writes README.md, `site` writes docs/_build/html.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue
import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from cocogen import __version__
from cocogen.files import write_text

here = Path(__file__).resolve().parent
root, out = here.parent, here/'_build'
nbs, work, html = root/'nbs', out/'source', out/'html'

def notebooks()->list:
    "Paths of all notebooks, in reading order"
    return sorted(p for p in nbs.rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

def name_of(path:Path)->Path:
    "A notebook's place below nbs/"
    return path.relative_to(nbs)

# ---------------------------------------------------------------- one notebook

def flagged(cell)->bool:
    "Whether a cell is slow, for a GPU, or a long test: shown, and not run"
    mark = r'^#\|\s*(slow|gpu|check)\b'
    return cell.cell_type=='code' and bool(re.search(mark, cell.source, re.M))

def hidden(cell)->bool:
    "Whether a cell is for the machine alone"
    return cell.cell_type=='code' and bool(re.match(r'#\|\s*(hide|default_exp)\b', cell.source))

def module_of(nb):
    "The module that a notebook exports, or None"
    found = (re.search(r'^#\|\s*default_exp\s+(\S+)', c.source, re.M) for c in nb.cells
        if c.cell_type=='code')
    return next((m[1] for m in found if m), None)

KERNELS = Queue()    # running and idle: what they have imported serves the next notebook

# before a notebook: nothing is left of the last one, which may have changed the package's objects
FRESH = """%reset -f
import os, sys, matplotlib.pyplot
for k in [k for k in sys.modules if k.split('.')[0]=='cocogen']: del sys.modules[k]
os.chdir({folder!r})
matplotlib.pyplot.close('all')
matplotlib.pyplot.rcdefaults()
%reset -f
%matplotlib inline"""

def client_of(nb, **options)->NotebookClient:
    return NotebookClient(nb, timeout=1800, kernel_name='python3',
        extra_arguments=['--IPKernelApp.log_level=ERROR'], **options)

def idle_kernel():
    "The manager of a kernel that nobody uses; a new one where there is none"
    try:
        return KERNELS.get_nowait()
    except Empty:
        os.environ.pop('MPLBACKEND', None)   # kernels draw inline; the tests' backend draws nothing
        starter = client_of(nbformat.v4.new_notebook())
        starter.create_kernel_manager()
        run_sync(starter.async_start_new_kernel)()
        return starter.km

def executed(path:Path):
    "A copy of the notebook with its outputs; flagged cells are left as they are"
    nb, kernel = nbformat.read(path, as_version=4), idle_kernel()
    fresh = nbformat.v4.new_code_cell(FRESH.format(folder=str(path.parent)), id='fresh')
    everything, nb.cells = nb.cells, [fresh, *(c for c in nb.cells if not flagged(c))]
    try:
        client_of(nb, km=kernel).execute()
    except BaseException:
        end_kernel(kernel)
        raise
    KERNELS.put(kernel)
    nb.cells = everything
    return nb

def end_kernel(kernel):
    run_sync(kernel.shutdown_kernel)(now=True)

def there(state, path)->bool:
    "Whether a path of keys leads somewhere in a widget's state"
    try:
        for k in path[:-1]:
            state = state[k]
        if isinstance(state, list): return path[-1]<len(state)
        return isinstance(state, dict)
    except (KeyError, IndexError, TypeError):
        return False

def mend_widgets(nb):
    "Drops buffers of an earlier value (of a cleared upload): a page could not place them"
    for models in nb.metadata.get('widgets', {}).values():
        for m in models['state'].values():
            if 'buffers' in m:
                m['buffers'] = [b for b in m['buffers'] if there(m['state'], b['path'])]

# ---------------------------------------------------------------- README.md

def said(cell)->str:
    "What a cell printed"
    return ''.join(o.get('text', '') or o.get('data', {}).get('text/plain', '')
        for o in cell.outputs)

def markdown(nb)->str:
    "A notebook as Markdown: prose, code, and what the code printed"
    text = []
    for c in nb.cells:
        if hidden(c): continue
        if c.cell_type=='markdown':
            text.append(c.source)
            continue
        text.append(f'```python\n{c.source}\n```')
        if said(c).strip():
            text.append(f'```\n{said(c).rstrip()}\n```')
    return '\n\n'.join(text) + '\n'

def from_root(text:str)->str:
    "Links of a page in nbs/ as the folder above needs them"
    return re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](nbs/\1)', text)

def readme():
    "Renders README.md from nbs/index.ipynb"
    made = '<!-- made from nbs/index.ipynb by `make readme`; edit the notebook -->\n\n'
    text = from_root(markdown(executed(nbs/'index.ipynb')))
    end_kernel(KERNELS.get())
    (root/'README.md').write_text(made + text, encoding='utf-8')

# ---------------------------------------------------------------- pages

VENDORED = {         # what pages need at view time, and the files of each package
    'mathjax@3.2.2': r'package/es5/tex-svg-full\.js',
    '@jupyter-widgets/html-manager@1.0.15': r'package/dist/(embed\.js|\w+\.(woff2?|ttf|eot|svg))'}

def vendored():
    "Fetches what pages need from the npm registry, once"
    folder = out/'vendor'
    for package, wanted in VENDORED.items():
        mark = folder/(re.sub(r'\W', '-', package) + '.txt')
        if mark.exists(): continue
        if not shutil.which('npm'):
            sys.exit(f'`make docs` needs npm to fetch {package}. Got none on the PATH')
        folder.mkdir(parents=True, exist_ok=True)
        fetch(package, wanted, folder)
        mark.write_text(f'{package}, from the npm registry\n', encoding='utf-8')

def fetch(package:str, wanted:str, folder:Path):
    "Puts the wanted files of an npm package into a folder"
    with tempfile.TemporaryDirectory() as t:
        pack = ['npm', 'pack', '--silent', package]
        subprocess.run(pack, cwd=t, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(t).glob('*.tgz'))) as f:
            for m in f:
                if re.fullmatch(wanted, m.name):
                    (folder/Path(m.name).name).write_bytes(f.extractfile(m).read())

ROOMS = ('base', 'game', 'fl', 'explore', 'study', 'deploy', 'commands')
BELOW = dict(game=ROOMS[:2], fl=ROOMS[:3], explore=ROOMS[:4], study=ROOMS[:5],
    experiments=ROOMS[:5])                               # what pages of a folder can import
TABLES = ('experiments', 'study', 'benchmarks')          # folders whose pages read results

def room_of(path:Path)->str:
    "The room of a module; what stands beside the rooms is below or above them"
    if path.parent!=root/'cocogen': return path.parent.name
    return 'commands' if path.stem in ('cli', 'console') else 'base'

def key(path:Path)->str:
    "Changes with a notebook, a module below it, what it reads, or this file: it is run again"
    folder = name_of(path).parts[0]
    rooms = BELOW.get(folder, ROOMS)
    modules = [p for p in sorted((root/'cocogen').rglob('*.py'))
        if room_of(p) in rooms and p.name!='_modidx.py']
    constants = sorted((root/'cocogen'/'fl'/'calibrations').glob('*.json'))
    found = [*nbs.glob('*/results/*.*'), *nbs.glob('*/results/full/*.csv')]
    tables = sorted(found) if folder in TABLES else []
    read = [path, Path(__file__), *modules, *constants, *tables]
    return hashlib.sha256(b''.join(p.read_bytes() for p in read if p.is_file())).hexdigest()

def as_page(nb, name:Path):
    "An executed notebook as a page: without directives, with links below title and summary"
    mend_widgets(nb)
    module = module_of(nb)
    nb.cells = [c for c in nb.cells if not hidden(c)]
    for c in nb.cells:
        if flagged(c):
            c.source = '# a long test, or one for a GPU: not run for this page\n' + c.source
        if c.cell_type=='code':
            if re.search(r'^#\|\s*code-fold:\s*true', c.source, re.M):
                c.metadata['tags'] = ['hide-input']              # folded: a reader may open it
            c.source = re.sub(r'^#\|.*\n', '', c.source, flags=re.M)
    if str(name)!='index.ipynb':
        head = r'\A(#.*\n+(?:>.*\n?)*)'
        links = f'\n\n{links_of(module, name)}\n\n'
        first = nb.cells[0].source + '\n'
        nb.cells[0].source = re.sub(head, lambda m: m[1] + links, first, count=1)
    return nb

def links_of(module, name:Path)->str:
    "Links of a page to the reference of its module, and to the notebook itself"
    up = '../'*(len(name.parts) - 1)
    more = {None: [], 'cli': [f'[Command reference]({up}commands.md)']}
    reference = more.get(module, [f'[API reference]({up}api/cocogen.{module}.rst)'])
    return ' · '.join([*reference, f'{{download}}`This notebook, with outputs <{name.name}>`'])

LOCK = threading.Lock()

def to_page(path:Path, took:dict):
    "Runs a notebook and stores it as a page of the site"
    begun, name = time.time(), name_of(path)
    nb = as_page(executed(path), name)
    (work/name).parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, work/name)
    with LOCK:
        seconds = round(time.time() - begun, 1)
        took[str(name)] = dict(key=key(path), seconds=seconds)
        write_text(out/'ran.json', json.dumps(took, indent=1))        # what ran is not run again
    print(f'ran {name} in {seconds:.0f} s', flush=True)

def run_notebooks():
    "Runs the notebooks that changed, two at a time, the longest first"
    record = out/'ran.json'
    took = json.loads(record.read_text(encoding='utf-8')) if record.exists() else {}
    def done(p):
        known = took.get(str(name_of(p)), {}).get('key')
        return known==key(p) and (work/name_of(p)).exists()
    def guess(p):
        return took.get(str(name_of(p)), {}).get('seconds', p.stat().st_size/1000)
    stale = sorted((p for p in notebooks() if not done(p)), key=guess, reverse=True)
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    with ThreadPoolExecutor(2) as pool:
        jobs = {pool.submit(to_page, p, took): p for p in stale}
        failed = [f'{p.relative_to(root)} failed: {e}' for j, p in jobs.items()
            if (e := j.exception())]
    while not KERNELS.empty():
        end_kernel(KERNELS.get())
    if failed:
        sys.exit('\n'.join(failed))
    for gone in {*work.rglob('*.ipynb')} - {work/name_of(p) for p in notebooks()}:
        gone.unlink()

# ---------------------------------------------------------------- the site

PARTS = {            # parts of the table of contents: pages whose names begin with these
    'Start here': ('tutorials/',), 'How to': ('howto/',), 'The game': ('game/',),
    'Learning': ('fl/',), 'Seeing and playing': ('explore/',), 'Across machines': ('deploy/',),
    'What the study found': ('experiments/',), 'How the study is made': ('study/',),
    'Speed': ('benchmarks/',), 'Below and above': ('0', '8', '9')}
REFERENCE = ['commands', 'api/index', 'glossary', 'citing']

def tree()->str:
    "The table of contents, appended to the front page"
    names = [str(name_of(p).with_suffix('')) for p in notebooks()]
    parts = {title: [n for n in names if n.startswith(starts)] for title, starts in PARTS.items()}
    text = ''
    for title, pages in (parts | {'Reference': REFERENCE}).items():
        text += f'\n```{{toctree}}\n:caption: {title}\n:hidden:\n\n' + '\n'.join(pages) + '\n```\n'
    return text

def write(path:Path, text:str):
    "Writes a page of the site if it changed, so that Sphinx does not read it again"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding='utf-8')!=text:
        path.write_text(text, encoding='utf-8')

def front_page():
    "The front page with its table of contents, and its pictures"
    (work/'images').mkdir(parents=True, exist_ok=True)
    for p in (nbs/'images').glob('*.png'):
        shutil.copy2(p, work/'images')
    index = nbformat.read(work/'index.ipynb', as_version=4)
    index.cells = [c for c in index.cells if 'toctree' not in c.source]
    index.cells.append(nbformat.v4.new_markdown_cell(tree(), id='contents'))
    write(work/'index.ipynb', nbformat.writes(index) + '\n')

def texts()->dict:
    "Pages that are no notebooks: the references, the glossary, how to cite; text by path"
    from reference import commands, reference
    explained = {}
    for p in notebooks():
        if m := module_of(nbformat.read(p, as_version=4)):
            explained[f'cocogen.{m}'] = str(name_of(p).with_suffix(''))
    pages = {work/'api'/f'{name}.rst': text for name, text in reference(explained).items()}
    for p in (*(here/'pages').glob('*.md'), *nbs.glob('*.md')):
        pages[work/p.name] = p.read_text(encoding='utf-8').replace('{{version}}', __version__)
    return pages | {work/'commands.md': commands()}

def site():
    "Pages from notebooks, references from modules, and a check of every link"
    from links import broken
    with ThreadPoolExecutor(1) as aside:
        written = aside.submit(texts)    # while the kernels run
        run_notebooks()
    vendored()
    front_page()
    pages = written.result()
    for p, text in pages.items():
        write(p, text)
    gone = {*work.rglob('*.rst'), *work.rglob('*.md')} - set(pages)
    for p in gone:
        p.unlink()
    if gone:
        shutil.rmtree(html, ignore_errors=True)              # pages of what is no more
    sphinx = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-j', '2', '-b', 'html']
    code = subprocess.call([*sphinx, '-c', str(here), str(work), str(html)])
    if code:
        sys.exit(code)
    if faults := broken(html):
        sys.exit('\n'.join(faults))
    print(f'{sum(1 for _ in html.rglob("*.html"))} pages in {html}, no link broken')

if __name__=='__main__':
    what = sys.argv[1] if len(sys.argv)==2 else ''
    if what not in ('readme', 'site'):
        sys.exit(f'usage: build.py readme|site. Got: {what!r}')
    dict(readme=readme, site=site)[what]()
