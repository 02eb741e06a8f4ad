"Builds what people read from the notebooks: `python docs/build.py readme` writes README.md, `site` writes docs/_build/html."
import hashlib, json, os, re, shutil, subprocess, sys, tarfile, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from cocogen import __version__
from cocogen.files import write_text

here = Path(__file__).resolve().parent
root, out = here.parent, here/'_build'
work, html = out/'source', out/'html'

def flagged(cell): return cell.cell_type=='code' and re.search(r'^#\|\s*(slow|gpu|check)\b', cell.source, re.M)
def hidden(cell): return cell.cell_type=='code' and re.match(r'#\|\s*(hide|default_exp)\b', cell.source)
def module_of(nb): return next((m[1] for c in nb.cells if c.cell_type=='code' and (m:=re.search(r'^#\|\s*default_exp\s+(\S+)', c.source, re.M))), None)

def executed(path:Path):
    "A copy of the notebook with its outputs; cells flagged slow, gpu or check (a long test) are shown and not run"
    nb = nbformat.read(path, as_version=4)
    os.environ.pop('MPLBACKEND', None)            # kernels draw inline; the backend of the tests draws nothing
    whole, nb.cells = nb.cells, [c for c in nb.cells if not flagged(c)]
    quiet = ['--IPKernelApp.log_level=ERROR']
    NotebookClient(nb, timeout=1800, kernel_name='python3', extra_arguments=quiet, resources=dict(metadata=dict(path=str(path.parent)))).execute()
    nb.cells = whole
    return nb

def mend_widgets(nb):
    "Drops binary parts of widget states that belong to an earlier value (of an upload that was cleared): a page could not place them"
    def there(state, path):
        try:
            for k in path[:-1]: state = state[k]
            return isinstance(state, (dict, list)) and (not isinstance(state, list) or path[-1]<len(state))
        except (KeyError, IndexError, TypeError): return False
    for models in nb.metadata.get('widgets', {}).values():
        for m in models['state'].values():
            if 'buffers' in m: m['buffers'] = [b for b in m['buffers'] if there(m['state'], b['path'])]

def markdown(nb)->str:
    "A notebook as Markdown: prose, code, and what the code printed"
    text = []
    for c in nb.cells:
        if hidden(c): continue
        if c.cell_type=='markdown': text.append(c.source); continue
        text.append(f'```python\n{c.source}\n```')
        said = ''.join(o.get('text', '') or o.get('data', {}).get('text/plain', '') for o in c.outputs)
        if said.strip(): text.append(f'```\n{said.rstrip()}\n```')
    return re.sub(r'\]\((images/[^)]+)\)', r'](nbs/\1)', '\n\n'.join(text)) + '\n'         # from the folder of the notebook to the root

def readme():
    (root/'README.md').write_text('<!-- made from nbs/index.ipynb by `make readme`; edit the notebook -->\n\n' + markdown(executed(root/'nbs'/'index.ipynb')), encoding='utf-8')

def notebooks()->list: return sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

VENDORED = {'mathjax@3.2.2': r'package/es5/tex-svg-full\.js',                                            # formulas: one file, no fonts
    '@jupyter-widgets/html-manager@1.0.15': r'package/dist/(embed\.js|\w+\.(woff2?|ttf|eot|svg))'}       # sliders, and their icons

def vendored():
    "Fetches what pages need at view time from the npm registry, once"
    folder = out/'vendor'
    for package, wanted in VENDORED.items():
        if (folder/(mark:=re.sub(r'\W', '-', package) + '.txt')).exists(): continue
        if not shutil.which('npm'): sys.exit(f'`make docs` needs npm to fetch {package}. Got none on the PATH')
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as t:
            subprocess.run(['npm', 'pack', '--silent', package], cwd=t, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(t).glob('*.tgz'))) as f:
                for m in f:
                    if re.fullmatch(wanted, m.name): (folder/Path(m.name).name).write_bytes(f.extractfile(m).read())
        (folder/mark).write_text(f'{package}, from the npm registry\n', encoding='utf-8')

LOCK = threading.Lock()
LAYERS = dict(game=('game',), fl=('game', 'fl'))      # what the notebooks of a folder can import; others: everything

def key(path:Path)->str:
    "Changes when a page must be run again: with its notebook, a module below it, what it reads, or this file"
    layers = LAYERS.get(path.relative_to(root/'nbs').parts[0], ('game', 'fl', 'explore', ''))
    code = [p for p in sorted((root/'cocogen').rglob('*.py')) if (p.parent.name if p.parent!=root/'cocogen' else '') in layers and p.name!='_modidx.py']
    read = [*sorted((root/'cocogen'/'fl'/'calibrations').glob('*.json')), *(sorted((path.parent/'results').glob('*.*')) if path.parent.name=='experiments' else [])]     # measured constants, tables of the study
    return hashlib.sha256(b''.join(p.read_bytes() for p in [path, Path(__file__), *code, *read] if p.is_file())).hexdigest()

def to_page(path:Path, took:dict):
    "Runs a notebook and stores it as a page of the site"
    begun, rel = time.time(), path.relative_to(root/'nbs')
    nb = executed(path)
    mend_widgets(nb)
    module = module_of(nb)
    nb.cells = [c for c in nb.cells if not hidden(c)]
    for c in nb.cells:
        if flagged(c): c.source = '# a long test, or one for a GPU: not run for this page\n' + c.source
        if c.cell_type=='code': c.source = re.sub(r'^#\|.*\n', '', c.source, flags=re.M)
    up = '../'*(len(rel.parts) - 1)
    more = {None: [], 'cli': [f'[Command reference]({up}commands.md)']}.get(module, [f'[API reference]({up}api/cocogen.{module}.rst)'])
    links = [*more, f'{{download}}`This notebook, with outputs <{rel.name}>`']
    if rel.name!='index.ipynb': nb.cells[0].source = re.sub(r'\A(#.*\n+(?:>.*\n?)*)', lambda m: f"{m[1]}\n\n{' · '.join(links)}\n\n", nb.cells[0].source + '\n', count=1)      # below title and summary
    (work/rel).parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, work/rel)
    with LOCK:
        took[str(rel)] = dict(key=key(path), seconds=round(time.time() - begun, 1))
        write_text(out/'ran.json', json.dumps(took, indent=1))                          # what ran is not run again
    print(f'ran {rel} in {took[str(rel)]["seconds"]:.0f} s', flush=True)

def run_notebooks():
    "Runs the notebooks that changed, two at a time, the longest first"
    record = out/'ran.json'
    took = json.loads(record.read_text(encoding='utf-8')) if record.exists() else {}
    stale = [p for p in notebooks() if took.get(str(p.relative_to(root/'nbs')), {}).get('key')!=key(p) or not (work/p.relative_to(root/'nbs')).exists()]
    guess = lambda p: took.get(str(p.relative_to(root/'nbs')), {}).get('seconds', p.stat().st_size/1000)
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    with ThreadPoolExecutor(2) as pool:
        jobs = {pool.submit(to_page, p, took): p for p in sorted(stale, key=guess, reverse=True)}
        failed = [f'{p.relative_to(root)} failed: {e}' for j, p in jobs.items() if (e:=j.exception())]
    if failed: sys.exit('\n'.join(failed))
    for gone in {*work.rglob('*.ipynb')} - {work/p.relative_to(root/'nbs') for p in notebooks()}: gone.unlink()

PARTS = {'Start here': 'tutorials/', 'How to': 'howto/', 'The game': 'game/', 'Learning': 'fl/', 'Seeing and playing': 'explore/', 'The study': 'experiments/', 'Speed': 'benchmarks/'}

def tree()->str:
    "The table of contents, appended to the front page"
    names = [str(p.relative_to(root/'nbs').with_suffix('')) for p in notebooks()]
    parts = {title: [n for n in names if n.startswith(start)] for title, start in PARTS.items()} | {'Reference': ['90_cli', '04_commands', '00_nodes', 'commands', 'api/index', 'glossary', 'citing']}
    return ''.join(f'\n```{{toctree}}\n:caption: {title}\n:hidden:\n\n' + '\n'.join(pages) + '\n```\n' for title, pages in parts.items() if pages)

def write(path:Path, text:str):
    "Writes a page of the site if it changed, so that Sphinx does not read it again"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding='utf-8')!=text: path.write_text(text, encoding='utf-8')

def site():
    "Pages from notebooks, reference from modules, and a check of every link"
    from reference import commands, reference
    from links import broken
    run_notebooks()
    vendored()
    for p in (root/'nbs'/'images').glob('*.png'): (work/'images').mkdir(exist_ok=True); shutil.copy2(p, work/'images')
    index = nbformat.read(work/'index.ipynb', as_version=4)
    index.cells = [c for c in index.cells if 'toctree' not in c.source] + [nbformat.v4.new_markdown_cell(tree(), id='contents')]
    write(work/'index.ipynb', nbformat.writes(index) + '\n')
    explained = {m: p.relative_to(root/'nbs').with_suffix('') for p in notebooks() if (m:=module_of(nbformat.read(p, as_version=4)))}
    texts = {work/'api'/f'{name}.rst': text for name, text in reference({f'cocogen.{m}': str(p) for m, p in explained.items()}).items()}
    texts |= {work/'commands.md': commands(), **{work/p.name: p.read_text(encoding='utf-8').replace('{{version}}', __version__) for p in (here/'pages').glob('*.md')}}
    for p, text in texts.items(): write(p, text)
    gone = {*work.rglob('*.rst'), *work.rglob('*.md')} - set(texts)
    for p in gone: p.unlink()
    if gone: shutil.rmtree(html, ignore_errors=True)              # pages of what is no more
    code = subprocess.call([sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-j', '2', '-b', 'html', '-c', str(here), str(work), str(html)])
    if code: sys.exit(code)
    if faults := broken(html): sys.exit('\n'.join(faults))
    print(f'{sum(1 for _ in html.rglob("*.html"))} pages in {html}, no link broken')

if __name__=='__main__':
    what = sys.argv[1] if len(sys.argv)==2 else ''
    if what not in ('readme', 'site'): sys.exit(f"usage: build.py readme|site. Got: {what!r}")
    dict(readme=readme, site=site)[what]()
