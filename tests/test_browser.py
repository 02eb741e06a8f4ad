"""The explorers in a real browser: JupyterLab, the application and, where it is built, the site.

`make test-browser` installs what this needs.
"""
import functools
import http.server
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from cocogen.explore.own import EXAMPLE
from cocogen.fl import Config, class_counts, dirichlet, load, read_run, run
from cocogen.fl.partition import describe
from cocogen.game import Federation, Game, Horizon, PowerLaw, RivalryRedistribution, RunGame
from cocogen.game import equilibrium, optimum
from cocogen.processes import until

root = Path(__file__).resolve().parent.parent
screens, commands = root/'screens', Path(sys.executable).parent
site = root/'docs'/'_build'/'html'
LONG = 900_000       # milliseconds after which something hangs: a busy machine does not reach them
expect.set_options(timeout=LONG)
widths = {'1280': dict(width=1280, height=900), '390': dict(width=390, height=844)}
LOCAL = re.compile(r'(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:')

# ------------------------------------------------------------------ pages that are watched

@pytest.fixture(scope='session')
def chromium():
    "Debian's Chromium, which talks to loopback only"
    names = ('chromium', 'chromium-browser', 'google-chrome')
    path = next((p for n in names if (p := shutil.which(n))), None)
    assert path, 'Chromium is not installed: `make test-browser` installs it where apt-get is'
    flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync']
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()

class Watched:
    "A page whose console errors, failures and requests to other hosts are remembered"
    def __init__(self, browser, width):
        self.context = browser.new_context(viewport=widths[width])
        self.page, self.wrong = self.context.new_page(), []
        self.page.set_default_timeout(LONG)
        self.page.on('console', self.heard)
        self.page.on('pageerror', lambda e: self.wrong.append(f'error: {e}'))
        self.context.route(lambda url: not LOCAL.match(url), self.refuse)

    def heard(self, message):
        if message.type=='error':
            where = message.location.get('url', '')
            self.wrong.append(f'console: {message.text} ({where})')

    def refuse(self, route):
        self.wrong.append(f'another host: {route.request.url}')
        route.abort()

@pytest.fixture
def watched(chromium):
    made = []
    def make(width):
        made.append(Watched(chromium, width))
        return made[-1]
    yield make
    for w in made:
        w.context.close()
    assert not [m for w in made for m in w.wrong]

def drawn(page):
    "Waits until the browser has laid out and painted what it knows"
    page.evaluate('''() => new Promise(done =>
        requestAnimationFrame(() => requestAnimationFrame(done)))''')

def too_wide(page)->int:
    "Pixels by which a page is wider than its window"
    return page.evaluate('''() => document.documentElement.scrollWidth
        - document.documentElement.clientWidth''')

def shot(page, name):
    "Stores a screenshot of the whole page, and refuses one that is wider than the window"
    screens.mkdir(exist_ok=True)
    size = page.viewport_size
    tall = page.evaluate('''() => Math.max(
        ...[...document.querySelectorAll("body, body *")].map(e => e.scrollHeight))''')
    page.set_viewport_size(dict(width=size['width'], height=min(tall + 120, 12_000)))
    drawn(page)
    page.screenshot(path=screens/f'{name}.png')
    page.set_viewport_size(size)
    assert too_wide(page)<=1, f'{name} is {too_wide(page)} pixels wider than the window'

# ------------------------------------------------------------------ what is served

def served(command, cwd, pattern, log, **env):
    "Starts a server and waits until it says where it is"
    with open(log, 'w') as f:
        proc = subprocess.Popen(command, cwd=cwd, stdout=f, stderr=subprocess.STDOUT,
            env=os.environ | env)
    def said(): return log.read_text(encoding='utf-8', errors='replace')
    def ended(): return '' if proc.poll() is None else f'it ended: {said()}'
    what = f'{Path(command[0]).name} {command[1]} to say where it is'
    try:
        return proc, until(lambda: re.search(pattern, said()), LONG/1000, what, ended)[0]
    except BaseException:
        proc.kill()
        raise

@pytest.fixture(scope='session')
def place(tmp_path_factory):
    "A folder with a finished run of two strategies"
    there = tmp_path_factory.mktemp('place')
    for s in ('cocogen', 'cocogen+'):
        c = Config(strategy=s, rounds=3, local_steps=10, generator='mixture', samples=400,
            competition=.5)
        run(c, there/'runs'/'both'/s, progress=False)
    return there

@pytest.fixture(scope='session')
def app(place):
    command = [commands/'cocogen', 'explore', 'runs/both', '--no-browser', '--port', '8940']
    address = r'http://127\.0\.0\.1:\d+/\?token=\S+'
    proc, url = served(command, place, address, place/'app.log')
    yield url
    proc.terminate()
    proc.wait(300)

@pytest.fixture(scope='session')
def lab(place):
    "JupyterLab with a notebook of all explorers"
    sources = ['from cocogen.explore import *', 'explore_game()', 'explore_partition()',
        "explore_run('runs/both')", 'explore_generator()', 'consortium()']
    cells = [dict(cell_type='code', id=f'c{k}', metadata={}, execution_count=None, outputs=[],
        source=s) for k, s in enumerate(sources)]
    kernel = dict(name='python3', language='python', display_name='Python 3')
    book = dict(nbformat=4, nbformat_minor=5, metadata=dict(kernelspec=kernel), cells=cells)
    (place/'explorers.ipynb').write_text(json.dumps(book), encoding='utf-8')
    settings = place/'settings'/'@jupyterlab'/'notebook-extension'
    settings.mkdir(parents=True)
    every_cell = '{"windowingMode": "none"}'           # on the page, in view or not
    (settings/'tracker.jupyterlab-settings').write_text(every_cell, encoding='utf-8')
    command = [commands/'jupyter', 'lab', '--allow-root', '--no-browser', '--ip=127.0.0.1',
        '--port=8950', '--IdentityProvider.token=lab', '--LabApp.news_url=',
        '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate',
        f'--ServerApp.root_dir={place}']
    address = r'http://127\.0\.0\.1:\d+/lab\?token=\S+'
    proc, url = served(command, place, address, place/'lab.log',
        JUPYTERLAB_SETTINGS_DIR=str(place/'settings'),
        JUPYTERLAB_WORKSPACES_DIR=str(place/'workspaces'))
    yield re.match(r'http://[^/]+', url)[0]
    proc.terminate()
    proc.wait(300)

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

@pytest.fixture(scope='session')
def pages():
    "The built site"
    if not (site/'index.html').exists():
        pytest.skip('the site is not built: `make docs` first')
    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()

# ------------------------------------------------------------------ what a person does

def fact(where, name):
    "A number that an explorer shows"
    return where.locator(f'[data-fact="{name}"]:visible').first

def pictures(where)->list:
    return where.locator('img').evaluate_all(
        'all => all.filter(i => i.offsetParent).map(i => i.src)')

def slider(where, label):
    labelled = where.page.locator(f'label:text-is("{label}")')
    return where.locator('.widget-slider:visible').filter(has=labelled) \
        .locator('.noUi-handle').first

def nudge(where, label, presses, key='ArrowRight'):
    "Moves a slider as a person without a mouse does"
    slider(where, label).focus()
    for _ in range(presses):
        slider(where, label).press(key)

def changed(page, old):
    "Waits until a picture is another one"
    page.wait_for_function('''old => [...document.querySelectorAll("img")]
        .filter(i => i.offsetParent).some(i => !old.includes(i.src))''', arg=old)

def says(where, **facts):
    for name, text in facts.items():
        expect(fact(where, name)).to_have_text(text)

def solved(n, gamma, xi)->dict:
    "What the library says of the game that sliders describe"
    fed = Federation.simulate(n, .5, gamma, 0)
    game = Game(fed, rule=RivalryRedistribution(xi))
    x = equilibrium(game).x
    return dict(welfare=f'{game.welfare(x):,.1f}', generated=f'{x.sum():,.0f} samples')

def play(where, steps:int):
    "Moves strength, competition and organizations by keyboard, and compares with the library"
    says(where, strength='0.05')
    n, gamma, xi = 10, .3, .05
    for label, presses in (('strength ξ', steps), ('competition', steps), ('organizations', 2)):
        before = pictures(where)
        nudge(where, label, presses)
        xi = round(xi + .002*presses, 3) if label=='strength ξ' else xi
        gamma = round(gamma + .01*presses, 2) if label=='competition' else gamma
        n = n + presses if label=='organizations' else n
        says(where, **solved(n, gamma, xi))
        changed(where.page, before)
        assert len(pictures(where))==len(before)       # in other states, none stacked

def told_heterogeneity(seed:int)->str:
    "Mean heterogeneity of the digits' partition, as the explorer shows it"
    d = load('digits')
    counts = class_counts(d.labels, dirichlet(d.labels, 10, .5, seed), 10)
    told = describe(counts)
    return f'{np.average(told.heterogeneity, weights=told.images):.3f}'

# ------------------------------------------------------------------ the application

@pytest.mark.parametrize('width', widths)
def test_application(app, place, watched, width):
    page = watched(width).page
    body = page.locator('body')
    page.goto(app)
    expect(fact(body, 'strength')).to_be_visible()
    def tab(name):
        page.get_by_role('tab', name=name).click()
    play(body, 3)
    shot(page, f'app-game-{width}')
    plays_a_run(page, body, width)
    refuses_the_impossible(page, body, width)
    tab('Mine')
    solves_its_own(page, body, width)
    tab('Run')
    shows_a_run(body, place)
    shot(page, f'app-run-{width}')
    tab('Partition')
    expect(fact(body, 'heterogeneity')).to_be_visible()
    nudge(body, 'seed', 1)
    says(body, heterogeneity=told_heterogeneity(1))
    shot(page, f'app-partition-{width}')
    tab('Generator')
    expect(fact(body, 'seconds')).to_be_visible()
    before = pictures(body)
    nudge(body, 'steps', 1)
    changed(page, before)
    expect(page.get_by_text('7 network calls an image')).to_be_visible()
    shot(page, f'app-generator-{width}')
    page.get_by_role('button', name='Are they copies?').click()
    expect(fact(body, 'verdict')).to_contain_text('chance is 5%')
    shot(page, f'app-copies-{width}')

def plays_a_run(page, body, width):
    "Five rounds instead of one: the slider of the strength keeps its position, a fifth of it"
    before = pictures(body)
    nudge(body, 'rounds', 4)
    fed = Federation.simulate(12, .5, .33, 0)
    run = RunGame(fed, horizon=Horizon(5), rule=RivalryRedistribution(.056/5))
    x = equilibrium(run).x
    says(body, **{'strength': '0.0112', 'welfare': f'{run.welfare(x):,.1f}',
        'generated': f'{x.sum():,.0f} samples', 'loss after 5 rounds': f'{run.losses(x)[-1]:.4f}',
        'planner of the run': f'{run.welfare(optimum(run).x):,.1f}'})
    changed(page, before)
    assert len(pictures(body))==len(before) + 1        # two of a run, for one of a round
    shot(page, f'app-game-of-a-run-{width}')

def refuses_the_impossible(page, body, width):
    "A setting without an equilibrium is a sentence, and one button leads back"
    nudge(body, 'competition', 67)
    nudge(body, 'strength ξ', 60)
    expect(page.get_by_role('alert')).to_be_visible()
    shot(page, f'app-impossible-{width}')
    page.get_by_role('button', name='Start again').click()
    says(body, strength='0.05')

def solves_its_own(page, body, width):
    "A table is edited in place, solved, and taken along"
    expect(page.get_by_text('Research Centre would leave')).to_be_visible()
    shot(page, f'app-own-{width}')
    cell = page.locator('input[type=number]:visible').first
    cell.fill('2000')
    cell.press('Enter')
    fed = EXAMPLE.with_(local=[2000., *EXAMPLE.local[1:]], cap=EXAMPLE.cap)
    law = PowerLaw(10.46, .36, .2, math.log(10))
    game = Game(fed, law, RivalryRedistribution(0.))
    x = equilibrium(game).x
    says(body, welfare=f'{game.welfare(x):,.1f}')
    with page.expect_download() as d:
        page.get_by_role('link', name='equilibrium.csv').click()
    rows = Path(d.value.path()).read_text(encoding='utf-8').splitlines()
    assert np.allclose([float(r.split(',')[2]) for r in rows[1:]], x)
    takes_a_run_along(page, body, fed, law, width)

def takes_a_run_along(page, body, fed, law, width):
    "Three rounds of the same table: the amounts of each round are a file"
    nudge(body, 'rounds', 2)
    run = RunGame(fed, law, Horizon(3))
    x = equilibrium(run).x
    says(body, welfare=f'{run.welfare(x):,.1f}')
    with page.expect_download() as d:
        page.get_by_role('link', name='amounts.csv').click()
    rows = Path(d.value.path()).read_text(encoding='utf-8').splitlines()
    assert np.allclose([[float(v) for v in r.split(',')[1:]] for r in rows[1:]], x)
    shot(page, f'app-own-run-{width}')

def shows_a_run(body, place):
    "Its rounds, as the table has them"
    loss = read_run(place/'runs'/'both'/'cocogen').table.groupby('round').loss.first()
    says(body, round='1', loss=f'{loss[1]:.4f}')
    nudge(body, 'round', 1)
    says(body, round='2', loss=f'{loss[2]:.4f}')

def test_application_wants_its_token(app, chromium):
    page = chromium.new_page()
    page.goto(app.split('?')[0])
    assert 'login' in page.url and not page.locator('.jupyter-widgets').count()
    page.close()

# ------------------------------------------------------------------ JupyterLab

def run_all(page):
    "Runs all cells: a command that comes before the kernel is ready can be lost, so it is repeated"
    prompts = page.locator('.jp-CodeCell .jp-InputPrompt')
    idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    expect(idle).to_be_visible()
    def said(pattern)->list:
        return [bool(re.fullmatch(pattern, t.strip())) for t in prompts.all_text_contents()]
    def begun()->bool:
        return any(said(r'\[(\d+|\*)\]:'))
    def told()->bool:
        if begun(): return True
        page.get_by_role('menuitem', name='Run', exact=True).click()
        page.get_by_text('Run All Cells', exact=True).click()
        page.wait_for_timeout(5000)
        return begun()
    def done()->bool:
        page.wait_for_timeout(500)
        return all(said(r'\[\d+\]:'))
    until(told, LONG/1000, 'JupyterLab to run the first cell')
    until(done, LONG/1000, 'JupyterLab to run all cells')
    expect(idle).to_be_visible()

def test_jupyterlab(lab, watched):
    page = watched('1280').page
    page.goto(f'{lab}/lab/tree/explorers.ipynb?token=lab&reset')
    page.locator('.jp-Notebook').wait_for()
    no = page.get_by_role('button', name='No', exact=True)
    if no.count():
        no.click()
    run_all(page)
    expect(fact(page.locator('body'), 'seconds')).to_be_attached()
    def cell(k): return page.locator('.jp-CodeCell').nth(k)
    screens.mkdir(exist_ok=True)
    for k, name in enumerate(('game', 'partition', 'run', 'generator', 'own'), 1):
        cell(k).scroll_into_view_if_needed()
        expect(cell(k).locator('img').first).to_be_visible()
        drawn(page)
        page.screenshot(path=screens/f'lab-{name}.png')
    cell(1).scroll_into_view_if_needed()
    play(cell(1).locator('.jp-OutputArea'), 2)
    nudge(cell(2), 'seed', 1)
    says(cell(2), heterogeneity=told_heterogeneity(1))
    nudge(cell(3), 'round', 1)
    says(cell(3), round='2')
    nudge(cell(4), 'steps', 1)
    expect(cell(4).get_by_text('7 network calls an image')).to_be_visible()
    cell(5).get_by_role('button', name='Best strength').click()
    expect(cell(5).get_by_text('Everyone stays;')).to_be_visible()
    page.keyboard.press('Control+s')
    expect(page.locator('.jp-mod-dirty')).to_have_count(0)

# ------------------------------------------------------------------ the site

# Boxes whose content is wider than they are. A table may scroll in its own box if its first
# column stays; a box inside another that is named already says nothing new.
SCROLLING = '''() => {
    const wide = e => e.scrollWidth > e.clientWidth + 1;
    const shown = e => e.offsetParent !== null && e.clientWidth > 0;
    const stays = e => {
        const t = e.matches('table') ? e : e.querySelector('table');
        const first = t && t.querySelector('tbody tr > :first-child');
        return !!first && getComputedStyle(first).position === 'sticky';
    };
    const boxes = 'pre, table, .table-wrapper, figure, img, svg, .cell_output, .output, .math';
    return [...document.querySelectorAll(boxes)]
        .filter(e => shown(e) && wide(e) && !stays(e) && getComputedStyle(e).display !== 'inline')
        .map(e => `${e.tagName.toLowerCase()}.${e.className} ${e.scrollWidth} > `
            + `${e.clientWidth}: ${(e.innerText || '').trim().slice(0, 70)}`);
}'''

def site_pages()->list:
    return sorted(site.rglob('*.html'))

@pytest.mark.parametrize('width', widths)
def test_every_page_of_the_site(pages, watched, width):
    w = watched(width)
    for p in site_pages():
        w.page.goto(f'{pages}/{p.relative_to(site).as_posix()}', wait_until='load')
        wide = too_wide(w.page)
        assert wide<=1, f'{p.name} is {wide} pixels wider than a window of {width}'

def test_nothing_scrolls_sideways(pages, watched):
    "At 1280 pixels every line of code, table and figure is read without a scroll bar"
    w, faults = watched('1280'), []
    for p in site_pages():
        name = p.relative_to(site).as_posix()
        if name.startswith('_modules/'): continue          # sources, as long as their lines are
        w.page.goto(f'{pages}/{name}', wait_until='load')
        faults += [f'{name}: {fault}' for fault in w.page.evaluate(SCROLLING)]
    assert not faults, '\n'.join(faults)

def test_what_scrolls_is_found(watched):
    "A long line and a wide table are found; a table whose first column stays is let"
    page = watched('1280').page
    row = '<tr>' + '<td style="min-width: 300px">x</td>'*9 + '</tr>'
    box = '<div class="table-wrapper" style="overflow-x: auto; width: 500px">'
    page.set_content('<pre style="overflow: auto; width: 300px">' + 'x'*200 + '</pre>')
    assert len(page.evaluate(SCROLLING))==1
    page.set_content(f'{box}<table><tbody>{row}</tbody></table></div>')
    assert page.evaluate(SCROLLING)
    stays = row.replace('min-width', 'position: sticky; left: 0; min-width', 1)
    page.set_content(f'{box}<table><tbody>{stays}</tbody></table></div>')
    assert not page.evaluate(SCROLLING)

@pytest.mark.parametrize('width', widths)
def test_sliders_of_the_site(pages, watched, width):
    page = watched(width).page
    body = page.locator('body')
    page.goto(f'{pages}/explore/02_play.html')
    expect(fact(body, 'strength')).to_be_visible()
    says(body, strength='0')
    nudge(body, 'strength ξ', 3)
    says(body, strength='0.04')
    nudge(body, 'competition', 1)
    says(body, welfare=solved(10, .3, .04)['welfare'])
    shot(page, f'site-sliders-{width}')

@pytest.mark.parametrize('width', widths)
def test_pictures_of_the_site(pages, watched, width):
    page = watched(width).page
    for name in ('index', 'glossary', 'tutorials/00_first_round', 'api/cocogen.game.utility',
        'game/04_solvers', 'fl/14_rounds', 'experiments/04_strategies', 'commands'):
        page.goto(f'{pages}/{name}.html', wait_until='load')
        shot(page, f'site-{name.split("/")[-1]}-{width}')

def test_search_of_the_site(pages, watched):
    page = watched('1280').page
    page.goto(f'{pages}/search.html?q=equilibrium')
    expect(page.locator('#search-results li a').first).to_be_visible()
    shot(page, 'site-search-1280')
    first = page.locator('#search-results li a').first.get_attribute('href')
    page.goto(f'{pages}/{first}')
    assert 'quilibri' in page.locator('article').inner_text()
