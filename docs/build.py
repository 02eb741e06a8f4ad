"Builds what people read from the notebooks: `python docs/build.py readme` writes README.md, `site` writes docs/_build."
import os, re, shutil, subprocess, sys, tarfile, tempfile
from pathlib import Path
import nbformat
from nbclient import NotebookClient

root = Path(__file__).resolve().parent.parent

def executed(path:Path):
    "A copy of the notebook with its outputs"
    nb = nbformat.read(path, as_version=4)
    os.environ.pop('MPLBACKEND', None)            # kernels draw inline; the backend of the tests draws nothing
    NotebookClient(nb, timeout=1800, kernel_name='python3', resources=dict(metadata=dict(path=str(path.parent)))).execute()
    return nb

def hidden(cell): return cell.cell_type=='code' and re.match(r'#\|\s*(hide|default_exp)\b', cell.source)

def markdown(nb)->str:
    "A notebook as Markdown: prose, code, and what the code printed"
    out = []
    for c in nb.cells:
        if hidden(c): continue
        if c.cell_type=='markdown': out.append(c.source); continue
        out.append(f'```python\n{c.source}\n```')
        text = ''.join(o.get('text', '') or o.get('data', {}).get('text/plain', '') for o in c.outputs)
        if text.strip(): out.append(f'```\n{text.rstrip()}\n```')
    return re.sub(r'\]\((images/[^)]+)\)', r'](nbs/\1)', '\n\n'.join(out)) + '\n'         # from the folder of the notebook to the root

def readme():
    (root/'README.md').write_text('<!-- made from nbs/index.ipynb by `make readme`; edit the notebook -->\n\n' + markdown(executed(root/'nbs'/'index.ipynb')), encoding='utf-8')

def pages()->list: return sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

MATHJAX = 'mathjax@3.2.2', 'package/es5/tex-svg-full.js'      # one file, no fonts: formulas without a network

def vendored()->Path:
    "The folder with MathJax, fetched once from the npm registry"
    folder = root/'docs'/'_build'/'vendor'
    package, name = MATHJAX
    if (folder/Path(name).name).exists(): return folder
    if not shutil.which('npm'): sys.exit(f'`make docs` needs npm to fetch {package}. Got none on the PATH')
    with tempfile.TemporaryDirectory() as t:
        subprocess.run(['npm', 'pack', '--silent', package], cwd=t, check=True, stdout=subprocess.DEVNULL)
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(next(Path(t).glob('*.tgz'))) as f: (folder/Path(name).name).write_bytes(f.extractfile(name).read())
    return folder

def site():
    "Executes copies of the notebooks whose sources changed, and lets Sphinx make pages of them"
    work = root/'docs'/'_build'/'source'
    for p in pages():
        to = work/p.relative_to(root/'nbs')
        if to.exists() and to.stat().st_mtime > p.stat().st_mtime: continue
        print(f'running {p.relative_to(root)}', flush=True)
        nb = executed(p)
        nb.cells = [c for c in nb.cells if not hidden(c)]
        for c in nb.cells:
            if c.cell_type=='code': c.source = re.sub(r'^#\|.*\n', '', c.source, flags=re.M)
        to.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, to)
    images = work/'images'; images.mkdir(parents=True, exist_ok=True)
    for p in (root/'nbs'/'images').glob('*.png'): (images/p.name).write_bytes(p.read_bytes())
    names = [str(p.relative_to(root/'nbs').with_suffix('')) for p in pages()]
    parts = dict(Game='game/', Learning='fl/', Explore='explore/', Benchmarks='benchmarks/', Command='90_')
    tree = ''.join(f'\n```{{toctree}}\n:caption: {title}\n:hidden:\n\n' + '\n'.join(n for n in names if n.startswith(start)) + '\n```\n' for title, start in parts.items() if any(n.startswith(start) for n in names))
    index = nbformat.read(work/'index.ipynb', as_version=4)
    if 'toctree' not in index.cells[-1].source: index.cells.append(nbformat.v4.new_markdown_cell(tree))
    nbformat.write(index, work/'index.ipynb')
    vendored()
    sys.exit(subprocess.call([sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-b', 'html', '-c', str(root/'docs'), str(work), str(root/'docs'/'_build'/'html')]))

if __name__=='__main__':
    what = sys.argv[1] if len(sys.argv)==2 else ''
    if what not in ('readme', 'site'): sys.exit(f"usage: build.py readme|site. Got: {what!r}")
    dict(readme=readme, site=site)[what]()
