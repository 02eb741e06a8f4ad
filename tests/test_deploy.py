"A consortium of processes on this machine: TLS, keys, deaths and lies. `make test-deploy` runs it."
import os, re, shutil, signal, socket, ssl, subprocess, sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

flwr = pytest.importorskip('flwr', reason="Flower is not installed: pip install 'cocogen[flower]'")
from cocogen.fl import Config, read_run, run
from cocogen.deploy.homes import _public, init, node_key
from cocogen.deploy.nodes import _free_port
from cocogen.processes import alive, until as wait_for

BASE = Config(orgs=3, rounds=3, generator_steps=200, local_steps=20, samples=500, carry_over=True, seed=4)
ENV = os.environ | dict(OMP_NUM_THREADS='1')                     # so many processes on two cores
COCOGEN = [sys.executable, '-c', 'from cocogen.cli import main; main()']

class Command:
    "A running `cocogen`, in a process group of its own, and what it has said"
    def __init__(self, at:Path, *args, **env):
        self.said_at = at; self.out = open(at, 'ab')
        self.p = subprocess.Popen([*COCOGEN, *map(str, args)], stdout=self.out, stderr=subprocess.STDOUT, env=ENV | env, start_new_session=True)
    @property
    def said(self)->str: return self.said_at.read_text(encoding='utf-8')
    def wait(self, name)->int:
        "The exit code, once it has ended"
        until(lambda: self.p.poll() is not None, f'the end of {name}')
        return self.p.returncode
    def kill(self):
        "As a power cut would: nobody gets to say goodbye"
        for pid in _family(self.p.pid): _end(pid)
    def stop(self):
        if self.p.poll() is None: self.p.send_signal(signal.SIGINT)
        try: self.p.wait(300)
        except subprocess.TimeoutExpired: self.kill()
        self.out.close()

def _family(pid)->list:
    "A process and everything below it"
    rows = [l.split() for l in subprocess.run(['ps', '-eo', 'pid=,ppid='], capture_output=True, text=True).stdout.splitlines()]
    found = [pid]
    for p in found: found += [int(a) for a, b in rows if int(b)==p]
    return found

def _command(pid)->str: return subprocess.run(['ps', '-o', 'args=', '-p', str(pid)], capture_output=True, text=True).stdout

def _end(pid):
    try: os.kill(pid, signal.SIGKILL)
    except ProcessLookupError: pass

def until(what, name, server=None):
    "Waits for `what()`, which is called `name`, to be true while a server runs; its value. The bound is for what hangs: a busy machine does not reach it"
    return wait_for(what, 1800, name, lambda: f'the server ended: {server.said}' if server and server.p.poll() is not None else '')

def settled(folder)->int:
    "Rounds of a run that a server which dies now will not play again"
    at = folder/'run'/'state.safetensors'
    if not at.exists(): return 0
    with safe_open(at, 'pt') as f: return int(f.metadata()['round'])

@contextmanager
def running(folder:Path, members=None, **env):
    "A server and its nodes; stopped at the end, with what they said if the test fails"
    names = members or sorted(p.name for p in (folder/'organizations').iterdir())
    server, nodes = Command(folder/'said.server', 'consortium', 'server', folder), {}
    try:
        for n in names: nodes[n] = Command(folder/f'said.{n}', 'consortium', 'join', folder/'organizations'/n, **env.get(n, {}))
        yield server, nodes
    except BaseException:
        for p in [folder/'said.server', *folder.glob('said.*'), folder/'server'/'superlink.log']: print(f'--- {p.name}\n', p.read_text(encoding='utf-8', errors='replace')[-4000:])
        raise
    finally:
        for c in (*nodes.values(), server): c.stop()

def made(folder, cfg, host='127.0.0.1', **options): return init(folder, cfg, f'{host}:{_free_port()}', rehearse=True, progress=False, **options)

def outside()->str:
    "An address of this machine that is not its loopback, or the loopback where it has none"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try: s.connect(('192.0.2.1', 9)); return s.getsockname()[0]          # nothing is sent
        except OSError: return '127.0.0.1'

def asked(folder, host, path)->int:
    "The status that the server answers a request with"
    port = int(_public(folder/'invitation')['address'].rpartition(':')[2])
    try: return urlopen(Request(f'https://{host}:{port}{path}', b'' if '/v1/' in path else None), timeout=300, context=ssl.create_default_context(cafile=folder/'invitation'/'ca.pem')).status
    except HTTPError as e: return e.code

def test_same_table_as_the_local_engine_whatever_dies(tmp_path):
    "Three rounds with TLS and keys; the server is killed after the first and its SuperLink after the second; a stranger knocks"
    folder = made(tmp_path/"the hospital's trial", BASE, outside(), least=3)
    stranger = tmp_path/'stranger'
    shutil.copytree(folder/'organizations'/'org0', stranger)
    for f in ('node', 'node.pub'): (stranger/f).unlink()
    node_key(stranger/'node')
    with running(folder) as (server, nodes):
        until(lambda: settled(folder)>=1, 'round 1', server)
        if outside()!='127.0.0.1':                              # from elsewhere only nodes are served
            for path in ('/health', '/docs', '/v1/control/list-runs', '/v1/control/start-run', '/v1/runtime/acquire-task'): assert asked(folder, outside(), path)==403, path
            assert asked(folder, outside(), '/v1/fleet/pull-messages')!=403
        assert asked(folder, '127.0.0.1', '/health')==200
        refused = Command(tmp_path/'said.stranger', 'consortium', 'join', stranger, '--wait', 5)
        family = _family(server.p.pid)
        _end(server.p.pid); until(lambda: not any(alive(p) for p in family), 'the end of all that the server had started')              # what it had started ends by itself
        (folder/'server'/'nodes.json').unlink()                                               # as if it had been killed before it noted whom it registered
        again = Command(folder/'said.again', 'consortium', 'server', folder)
        try:
            until(lambda: settled(folder)>=2, 'round 2', again)
            links = [p for p in _family(again.p.pid) if 'import link' in _command(p)]
            _end(links[0])
            assert again.wait('the second server')==0
        finally: again.stop()
        for name, n in nodes.items(): assert n.wait(name)==0
        assert refused.wait('the stranger')==2 and 'does not admit this key' in refused.said and not (stranger/'settlement.csv').exists()
    assert 'started again' in again.said
    for name in nodes:                                          # the rounds that were settled were not played again
        log = (folder/'organizations'/name/'node.log').read_text(encoding='utf-8', errors='replace')
        first, second = (len(re.findall(rf'ROUND {t}\][^\n]*\n[^\n]*Receiving: train', log)) for t in (1, 2))
        assert first==1 and second<=2                           # the second round was perhaps under way when the server was killed
    here, there = run(BASE, progress=False).table, read_run(folder/'run').table
    assert (there.status=='ok').all() and there[['round', 'organization', 'generated', 'stock', 'local']].equals(here[['round', 'organization', 'generated', 'stock', 'local']])
    learned = ['loss', 'accuracy', 'test_loss', 'test_accuracy']
    np.testing.assert_allclose(there[learned], here[learned], atol=1e-3)
    game = [c for c in here.select_dtypes(float) if c not in (*learned, 'residual')]
    np.testing.assert_allclose(there[game], here[game], rtol=1e-6, atol=1e-6)
    for name in nodes:                                           # everybody has the model, and its own rows alone
        mine = pd.read_csv(folder/'organizations'/name/'settlement.csv')
        assert set(mine.organization)=={name} and len(mine)==BASE.rounds and (folder/'organizations'/name/'model.safetensors').read_bytes()
    print(f"largest difference of a loss {np.abs(there.loss - here.loss).max():.1e}")

LIES = '''
import sys
if any('flwr-clientapp' in a for a in sys.orig_argv):
    import cocogen.deploy.messages as f
    honest = f.contribute
    def contribute(member, t, *rest):
        update, counts = honest(member, t, *rest)
        k = next(iter(update))
        if t==1: update[k] = update[k]*float('nan')
        if t==2: update[k] = update[k][:1]
        if t==3: counts = counts + 1000
        return update, counts
    f.contribute = contribute
'''

def test_death_and_lies(tmp_path):
    "A node lies in three rounds, each time in another way; one is killed in the second and comes back; the coordinator's own app is not run"
    cfg = replace(BASE, rounds=4, carry_over=False)
    folder = made(tmp_path/'trial', cfg, patience=40, least=3)
    (folder/'server'/'app'/'consortium'/'client.py').write_text(f"from cocogen.deploy.messages import client_app\n\nopen({str(tmp_path/'taken')!r}, 'w')\napp = client_app()\n", encoding='utf-8')          # a coordinator that sends code
    (tmp_path/'lies').mkdir(); (tmp_path/'lies'/'sitecustomize.py').write_text(LIES, encoding='utf-8')        # an organization does what it likes with its own machine
    with running(folder, org1=dict(PYTHONPATH=str(tmp_path/'lies'))) as (server, nodes):
        log = folder/'organizations'/'org2'/'node.log'
        until(lambda: log.exists() and re.search(r'ROUND 2\](?s:.*)Receiving: train', log.read_text(encoding='utf-8', errors='replace')), 'round 2 at org2', server)
        nodes['org2'].kill()
        nodes['org2'] = Command(folder/'said.org2', 'consortium', 'join', folder/'organizations'/'org2')
        assert server.wait('the server')==0
    table = read_run(folder/'run').table
    status = table.pivot(index='round', columns='organization', values='status')
    assert status.org0.tolist()==['ok']*4 and status.org1.tolist()==['rejected']*3 + ['ok'] and status.org2.tolist()==['ok', 'dropped', 'ok', 'ok'], status
    for t, rule in ((1, 'must be finite'), (2, 'of shape'), (3, 'must train on the images that it declared')):
        assert re.search(rf'org1: round {t} rejects it: .*{rule}', server.said), server.said
    assert re.search('org2: round 2', server.said)
    assert not (tmp_path/'taken').exists() and not list(folder.glob('organizations/*/flower/apps/*'))
    lost = table[table.status!='ok']
    assert (lost.contribution==0).all() and (lost.damage==0).all() and (lost.transfer<=0).all() and (lost.cost[lost.generated>0]>0).all()
    assert (table.groupby('round').transfer.sum().abs()<1e-6).all() and table.loss.iloc[-1]<table.loss.iloc[0]
