"A consortium of processes on this machine: TLS, keys, deaths and lies. `make test-deploy` runs it."
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

pytest.importorskip('flwr', reason="Flower is not installed: pip install 'cocogen[flower]'")
from cocogen.processes import alive, until as wait_for
from cocogen.fl import Config, prepare, read_run, run
from cocogen.fl.learning import begin
from cocogen.deploy.homes import Invitation, init, node_key
from cocogen.deploy.nodes import where

BASE = Config(orgs=3, rounds=3, generator='mixture', local_steps=20, samples=500,
    image_price=.03, rehearse=True, seed=4)
ENV = os.environ | dict(OMP_NUM_THREADS='1')     # so many processes on two cores
COCOGEN = [sys.executable, '-c', 'from cocogen.cli import main; main()', 'consortium']

# Processes

class Command:
    "A running `cocogen consortium`, in a process group of its own, and what it has said"
    def __init__(self, at:Path, *args, **env):
        self.said_at, self.out = at, open(at, 'ab')
        self.p = subprocess.Popen([*COCOGEN, *map(str, args)], stdout=self.out,
            stderr=subprocess.STDOUT, env=ENV | env, start_new_session=True)

    @property
    def said(self)->str:
        return self.said_at.read_text(encoding='utf-8')

    def wait(self, name)->int:
        "The exit code, once it has ended"
        until(lambda: self.p.poll() is not None, f'the end of {name}')
        return self.p.returncode

    def kill(self):
        "As a power cut would: nobody gets to say goodbye"
        for pid in family(self.p.pid):
            end(pid)

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGINT)
        try:
            self.p.wait(300)
        except subprocess.TimeoutExpired:
            self.kill()
        self.out.close()

def ps(*args)->str:
    return subprocess.run(['ps', *args], capture_output=True, text=True).stdout

def family(pid)->list:
    "A process and everything below it"
    rows = [l.split() for l in ps('-eo', 'pid=,ppid=').splitlines()]
    found = [pid]
    for p in found:
        found += [int(a) for a, b in rows if int(b)==p]
    return found

def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

def until(what, name, server=None):
    """Waits for `what()`, which is called `name`, to be true while a server runs; its value.

    The bound is for what hangs: a busy machine does not reach it.
    """
    def ended():
        gone = server and server.p.poll() is not None
        return f'the server ended: {server.said}' if gone else ''
    return wait_for(what, 1800, name, ended)

# A consortium

def made(folder, cfg, host='127.0.0.1', **options)->Path:
    address = f'{host}:{server_port()}'
    return init(folder, cfg, address, trial=True, progress=False, **options)

@contextmanager
def running(folder:Path, **env):
    "A server and its nodes; stopped at the end, with what they said if the test fails"
    homes = sorted((folder/'organizations').iterdir())
    server, nodes = Command(folder/'said.server', 'server', folder), {}
    try:
        for home in homes:
            own = env.get(home.name, {})
            nodes[home.name] = Command(folder/f'said.{home.name}', 'join', home, **own)
        yield server, nodes
    except BaseException:
        for p in [*folder.glob('said.*'), folder/'server'/'superlink.log']:
            print(f'--- {p.name}\n', p.read_text(encoding='utf-8', errors='replace')[-4000:])
        raise
    finally:
        for c in (*nodes.values(), server):
            c.stop()

def settled(folder)->int:
    "Rounds of a run that a server which dies now will not play again"
    at = folder/'run'/'state.safetensors'
    if not at.exists(): return 0
    with safe_open(at, 'pt') as f: return int(f.metadata()['round'])

def node_log(folder, name)->str:
    at = folder/'organizations'/name/'node.log'
    return at.read_text(encoding='utf-8', errors='replace') if at.exists() else ''

def server_port()->int:
    """A free port below those that a system gives to outgoing connections: a node that knocks
    before its server is there may be given the very port at which it knocks."""
    for port in range(20_000 + os.getpid()%8000, 32_000):
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)): return port
    raise OSError('no port is free')

def outside()->str:
    "An address of this machine that is not its loopback, or the loopback where it has none"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('192.0.2.1', 9))          # nothing is sent
            return s.getsockname()[0]
        except OSError:
            return '127.0.0.1'

def asked(folder, host, path)->int:
    "The status that the server answers a request with"
    port = where(Invitation.read(folder/'invitation').address)[1]
    trust = ssl.create_default_context(cafile=folder/'invitation'/'ca.pem')
    request = Request(f'https://{host}:{port}{path}', b'' if '/v1/' in path else None)
    try:
        return urlopen(request, timeout=300, context=trust).status
    except HTTPError as e:
        return e.code

# Deaths, and a stranger

PRIVATE = ('/health', '/docs', '/v1/control/list-runs', '/v1/control/start-run',
    '/v1/runtime/acquire-task')

def answers(folder)->bool:
    "Whether the server is there"
    try:
        return asked(folder, '127.0.0.1', '/health')==200
    except OSError:
        return False

def check_door(folder):
    "From elsewhere only nodes are served"
    assert asked(folder, '127.0.0.1', '/health')==200
    if outside()=='127.0.0.1': return
    for path in PRIVATE:
        assert asked(folder, outside(), path)==403, path
    assert asked(folder, outside(), '/v1/fleet/pull-messages')!=403

def a_stranger(folder, at)->Path:
    "The home of an organization, with another key"
    shutil.copytree(folder/'organizations'/'org0', at)
    for f in ('node', 'node.pub'):
        (at/f).unlink()
    node_key(at/'node')
    return at

def kill_server(folder, server):
    "Kills the command; what it had started ends by itself"
    started = family(server.p.pid)
    end(server.p.pid)
    until(lambda: not any(alive(p) for p in started), 'the end of all that the server had started')
    # as if it had been killed before it noted whom it registered
    (folder/'server'/'nodes.json').unlink()

def below(command:Command, code:str)->int:
    "The process below a command that runs such code"
    return next(p for p in family(command.p.pid) if code in ps('-o', 'args=', '-p', str(p)))

def asked_to_train(folder, name, t):
    "Whether an organization has received the message of a round"
    return re.search(rf'ROUND {t}\](?s:.*)Receiving: train', node_log(folder, name))

def serve_again(folder, nodes)->Command:
    """Another server plays the rest, though its SuperLink is killed after the second round, and
    an organization's resident in the middle of the third."""
    again = Command(folder/'said.again', 'server', folder)
    try:
        until(lambda: settled(folder)>=2, 'round 2', again)
        end(below(again, 'import link'))
        until(lambda: asked_to_train(folder, 'org0', 3), 'round 3 at org0', again)
        end(below(nodes['org0'], 'import resident'))
        assert again.wait('the second server')==0
    finally:
        again.stop()
    return again

def same_tables(here, there):
    "Amounts and statuses of two runs are the same, everything else to rounding"
    assert (there.table.status=='ok').all()
    whole = ['round', 'organization', 'generated', 'stock', 'local']
    assert there.table[whole].equals(here.table[whole])
    for a, b in ((here.table, there.table), (here.laws, there.laws)):
        numbers = [c for c in a.select_dtypes(float) if c!='residual']
        np.testing.assert_allclose(b[numbers], a[numbers], rtol=1e-6, atol=1e-6)
        print(f"largest difference {np.abs(b[numbers] - a[numbers]).max().max():.1e}")

def same_belief(here, folder):
    "What both runs were taught before the first round, and what the coordinator was told of it"
    there = json.loads((folder/'run'/'law.json').read_text(encoding='utf-8'))
    assert there['source'].startswith('a rehearsal on')
    diary = (folder/'server'/'events.log').read_text(encoding='utf-8')
    assert diary.count(f"The law begins with {there['source']}")==1
    con = begin(prepare(here.config, progress=False), progress=False)
    assert there==con.origin.to_dict()

def check_not_played_again(folder, names):
    "Rounds that were settled were not; the second was perhaps under way when the server died"
    for name in names:
        def times(t):
            trained = rf'ROUND {t}\][^\n]*\n[^\n]*Receiving: train'
            return len(re.findall(trained, node_log(folder, name)))
        assert times(1)==1 and times(2)<=2

def check_receipts(folder, names):
    "Everybody has the model, and its own rows alone"
    for name in names:
        home = folder/'organizations'/name
        mine = pd.read_csv(home/'settlement.csv')
        assert set(mine.organization)=={name} and len(mine)==BASE.rounds
        assert (home/'model.safetensors').read_bytes()

def test_same_table_as_the_local_engine_whatever_dies(tmp_path):
    """Three rounds with TLS and keys, and the coordinator's rehearsal before them.

    The server is killed after the first, its SuperLink after the second and a resident in the
    third; a stranger knocks.
    """
    folder = made(tmp_path/"the hospital's trial", BASE, outside(), least=3)
    stranger = a_stranger(folder, tmp_path/'stranger')
    with running(folder) as (server, nodes):
        until(lambda: answers(folder), 'the server', server)
        check_door(folder)
        refused = Command(tmp_path/'said.stranger', 'join', stranger, '--wait', 5)
        assert refused.wait('the stranger')==2
        until(lambda: settled(folder)>=1, 'round 1', server)
        kill_server(folder, server)
        again = serve_again(folder, nodes)
        for name, n in nodes.items():
            assert n.wait(name)==0
    assert 'does not admit this key' in refused.said
    assert not (stranger/'settlement.csv').exists()
    assert 'started again' in again.said
    assert 'was started again' in nodes['org0'].said
    check_not_played_again(folder, nodes)
    here = run(BASE, progress=False)
    same_tables(here, read_run(folder/'run'))
    same_belief(here, folder)
    check_receipts(folder, nodes)

# Lies, and code that is sent

# an organization does what it likes with its own machine
LIES = '''
import sys
if any('messages import resident' in a for a in sys.orig_argv):
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
RULES = {1: 'must be finite', 2: 'of shape', 3: 'must train on the images that it declared'}

def send_code(folder, trace):
    "A coordinator's own app: a node that ran it would leave a file"
    text = f"from flwr.clientapp import ClientApp\n\nopen({str(trace)!r}, 'w')\napp = ClientApp()\n"
    at = folder/'server'/'app'/'consortium'/'client.py'
    at.write_text(text, encoding='utf-8')

def kill_in_round_2(folder, server, nodes, name):
    "Kills a node in the middle of the second round, and starts it again"
    until(lambda: asked_to_train(folder, name, 2), f'round 2 at {name}', server)
    nodes[name].kill()
    nodes[name] = Command(folder/f'said.{name}', 'join', folder/'organizations'/name)

def check_settlement(table):
    "Who did not deliver has paid for its images and earned nothing"
    lost = table[table.status!='ok']
    nothing = ['contribution', 'contribution_predicted', 'contribution_measured']
    assert (lost[nothing]==0).all().all() and (table.cost>0).any()
    assert (lost.transfer<=0).all() and (lost.cost[lost.generated>0]>0).all()
    assert (table.groupby('round').transfer.sum().abs()<1e-6).all()
    assert table.loss.iloc[-1]<table.loss.iloc[0]

def test_death_and_lies(tmp_path):
    """A node lies in three rounds, each time in another way; another is killed and comes back.

    The coordinator's own app is not run.
    """
    cfg = replace(BASE, rounds=4, keep_stock=False)
    folder = made(tmp_path/'trial', cfg, patience=40, least=3)
    send_code(folder, tmp_path/'taken')
    lies = tmp_path/'lies'
    lies.mkdir()
    (lies/'sitecustomize.py').write_text(LIES, encoding='utf-8')
    path = os.pathsep.join(filter(None, [str(lies), os.environ.get('PYTHONPATH')]))
    with running(folder, org1=dict(PYTHONPATH=path)) as (server, nodes):
        kill_in_round_2(folder, server, nodes, 'org2')
        assert server.wait('the server')==0
    table = read_run(folder/'run').table
    status = table.pivot(index='round', columns='organization', values='status')
    expected = dict(org0=['ok']*4, org1=['rejected']*3 + ['ok'], org2=['ok', 'dropped', 'ok', 'ok'])
    assert status.to_dict('list')==expected, status
    for t, rule in RULES.items():
        assert re.search(rf'org1: round {t} rejects it: .*{rule}', server.said), server.said
    assert re.search('org2: round 2', server.said)
    assert not (tmp_path/'taken').exists()
    assert not list(folder.glob('organizations/*/flower/apps/*'))
    check_settlement(table)
