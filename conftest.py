"""One test per notebook.

`pytest nbs` runs each notebook through nbdev, so that its `#|` directives hold, and the
closing line counts tests.
"""
import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path
import pytest

os.environ.setdefault('OMP_NUM_THREADS', '1')     # two workers of one thread beat one of two
os.environ.setdefault('MPLBACKEND', 'agg')
os.environ.setdefault('HF_HUB_OFFLINE', '1')
# tests leave the user's cache alone; all workers of a run share one, so each fit is made once
made = not os.environ.get('COCOGEN_TEST_CACHE')
own = tempfile.mkdtemp(prefix='cocogen-') if made else os.environ['COCOGEN_TEST_CACHE']
os.environ['COCOGEN_TEST_CACHE'] = os.environ['COCOGEN_CACHE'] = own

# notebooks that take longest, in this order: they begin first, so that no worker ends alone
LONGEST = ('90_cli', '06_mechanisms', '16_runs', '19_copies', '02_play', '18_calibrate', '07_gpu',
    '04_generate', '01_competition', '03_watch', '14_rounds', '00_plots', '17_sweep')

def pytest_addoption(parser):
    parser.addoption('--flags', default='',
        help="run cells flagged `#| slow` or `#| gpu` too, e.g. --flags 'slow gpu'")

def pytest_collect_file(file_path, parent):
    if file_path.suffix!='.ipynb' or '.ipynb_checkpoints' in file_path.parts: return None
    return Notebook.from_parent(parent, path=file_path)

class Notebook(pytest.File):
    def collect(self):
        yield Cells.from_parent(self, name=self.path.stem)

class Cells(pytest.Item):
    def runtest(self):
        from nbdev.test import test_nb
        for name in re.findall(r'#\| needs (\w+)', self.path.read_text(encoding='utf-8')):
            if importlib.util.find_spec(name) is None:
                pytest.skip(f'{name} is not installed')
        here = Path.cwd()
        os.chdir(self.path.parent)
        flags = self.config.getoption('--flags').split()
        aloud = self.config.getoption('capture')=='no'         # `-s`: what cells print is shown
        try:
            ok, _ = test_nb(self.path, skip_flags=['slow', 'gpu'], force_flags=flags,
                basepath=here, verbose=aloud, cell_timeout=1800)
        finally:
            os.chdir(here)
        if not ok:
            pytest.fail(f'a cell of {self.path.name} failed (traceback above)', pytrace=False)

    def reportinfo(self):
        return self.path, 0, str(self.path.relative_to(self.config.rootpath))

def pytest_collection_modifyitems(items):
    rank = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.name, len(rank)))

counts = dict(passed=0, failed=0)

def pytest_runtest_logreport(report):
    if report.failed:
        counts['failed'] += 1
    elif report.when=='call' and report.passed:
        counts['passed'] += 1

def pytest_unconfigure(config):
    if not hasattr(config, 'workerinput'):
        if made:
            shutil.rmtree(own, ignore_errors=True)
        print(f"\n{counts['passed']} passed, {counts['failed']} failed")
