"A wheel in an environment that has nothing else, as somebody finds it. `make dist` runs it."
import configparser
import subprocess
import sys
from pathlib import Path
import pandas as pd
import pytest

root = Path(__file__).resolve().parent.parent
wheels = sorted((root/'dist').glob('*.whl'))
pytestmark = pytest.mark.skipif(not wheels, reason='there is no wheel; `make dist` builds one')

def version()->str:
    found = configparser.ConfigParser(delimiters=['='], interpolation=None)
    found.read(root/'settings.ini', encoding='utf-8')
    return found['DEFAULT']['version']

@pytest.fixture(scope='module')
def bare(tmp_path_factory)->Path:
    "A virtual environment with the wheel and what it requires, far from this checkout"
    at = tmp_path_factory.mktemp('bare')/'env'
    subprocess.run([sys.executable, '-m', 'venv', at], check=True)
    install = [at/'bin'/'python', root/'install.py', wheels[-1]]
    subprocess.run(install, check=True, cwd=at)
    return at

def said(bare:Path, *args, code=0)->str:
    "What `cocogen` prints in the bare environment, which ends with `code`"
    done = subprocess.run([bare/'bin'/'cocogen', *map(str, args)], cwd=bare, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode==code, done.stdout
    return ' '.join(done.stdout.split())             # a terminal may have wrapped it

def test_the_package_is_the_wheel(bare):
    code = ('import cocogen, cocogen.fl; assert cocogen.fl.calibration("digits"); '
        'print(cocogen.__file__, cocogen.__version__)')
    out = subprocess.run([bare/'bin'/'python', '-c', code], cwd=bare, text=True,
        capture_output=True, check=True).stdout.split()
    assert Path(out[0]).is_relative_to(bare)
    assert out[1]==version() and f'-{version()}-' in wheels[-1].name

def test_a_run_on_digits(bare, tmp_path):
    said(bare, 'run', '--dataset', 'digits', '--orgs', 3, '--rounds', 2, '--samples', 300,
        '--set', 'local_steps=10', '--strategy', 'cocogen+', '--out', tmp_path/'run')
    table = pd.read_csv(next((tmp_path/'run').rglob('rounds.csv')))
    assert len(table)==6 and (table.status=='ok').all() and table.loss.gt(0).all()

def test_a_table_is_solved(bare, tmp_path):
    rows = ['name,local,heterogeneity,valuation', 'a,400,.3,900', 'b,600,.2,1200', 'c,300,.5,700']
    (tmp_path/'three.csv').write_text('\n'.join(rows) + '\n', encoding='utf-8')
    told = said(bare, 'solve', tmp_path/'three.csv', '--csv', tmp_path/'solved.csv')
    found = pd.read_csv(tmp_path/'solved.csv')
    assert list(found.name)==list('abc') and 'b' in told

@pytest.mark.parametrize('args, extra', [
    (('explore',), 'app'),
    (('run', '--engine', 'flower', '--orgs', 3), 'flower'),
    (('consortium', 'init', 'trial', '--trial'), 'flower'),
    (('sweep', '--grid', 'seed=1,2', '--out', 'sweep', '--backend', 'dask'), 'dask'),
    (('sweep', '--grid', 'seed=1,2', '--out', 'sweep', '--backend', 'ray'), 'ray')])
def test_what_an_extra_is_missing_for(bare, args, extra):
    assert f"pip install 'cocogen[{extra}]'" in said(bare, *args, code=2)
