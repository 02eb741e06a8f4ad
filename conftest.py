"One test a notebook: `pytest nbs` runs each through nbdev, so that `#|` directives hold and the closing line counts tests."
import importlib.util, os, re, tempfile
from pathlib import Path
import pytest

os.environ.setdefault('OMP_NUM_THREADS', '1')     # two workers of one thread each beat one of two
os.environ.setdefault('MPLBACKEND', 'agg')
os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ['COCOGEN_CACHE'] = os.environ.get('COCOGEN_TEST_CACHE') or tempfile.mkdtemp(prefix='cocogen-')     # tests leave the user's cache alone

def pytest_addoption(parser):
    parser.addoption('--flags', default='', help="run cells flagged `#| slow` or `#| gpu` too, e.g. --flags 'slow gpu'")

def pytest_collect_file(file_path, parent):
    if file_path.suffix=='.ipynb' and '.ipynb_checkpoints' not in file_path.parts: return Notebook.from_parent(parent, path=file_path)

class Notebook(pytest.File):
    def collect(self): yield Cells.from_parent(self, name=self.path.stem)

class Cells(pytest.Item):
    def runtest(self):
        from nbdev.test import test_nb
        for name in re.findall(r'#\| needs (\w+)', self.path.read_text(encoding='utf-8')):
            if importlib.util.find_spec(name) is None: pytest.skip(f'{name} is not installed')
        here = Path.cwd()
        os.chdir(self.path.parent)
        try: ok, _ = test_nb(self.path, skip_flags=['slow', 'gpu'], force_flags=self.config.getoption('--flags').split(), basepath=here, cell_timeout=1800)
        finally: os.chdir(here)
        if not ok: pytest.fail(f'a cell of {self.path.name} failed (traceback above)', pytrace=False)

    def reportinfo(self): return self.path, 0, str(self.path.relative_to(self.config.rootpath))

_passed = {'passed': 0, 'failed': 0}

def pytest_runtest_logreport(report):
    if report.when=='call' and report.passed: _passed['passed'] += 1
    elif report.failed: _passed['failed'] += 1

def pytest_unconfigure(config):
    if not hasattr(config, 'workerinput'): print(f"\n{_passed['passed']} passed, {_passed['failed']} failed")
