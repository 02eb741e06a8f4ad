"The explorers in a real browser: JupyterLab, the application and, where it is built, the site. `make test-browser` installs what this needs."
import functools, http.server, json, math, os, re, shutil, subprocess, sys, threading
from pathlib import Path
import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from cocogen.explore.own import EXAMPLE
from cocogen.fl import Config, class_counts, dirichlet, load, read_run, run
from cocogen.fl.partition import describe
from cocogen.processes import until
from cocogen.game import Federation, Game, PowerLaw, RivalryRedistribution, equilibrium

root = Path(__file__).resolve().parent.parent
screens, bin_ = root/'screens', Path(sys.executable).parent
LONG = 900_000                       # milliseconds after which something hangs: a busy machine does not reach them
expect.set_options(timeout=LONG)
site = root/'docs'/'_build'/'html'
widths = {'1280': dict(width=1280, height=900), '390': dict(width=390, height=844)}

@pytest.fixture(scope='session')
def chromium():
    "Debian's Chromium, which talks to loopback only"
    path = next((p for n in ('chromium', 'chromium-browser', 'google-chrome') if (p:=shutil.which(n))), None)
    assert path, 'Chromium is not installed: `make test-browser` installs it where apt-get is at hand'
    flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=path, args=flags); yield b; b.close()

class Watched:
    "A page whose console errors, failures and requests to other hosts are remembered"
    def __init__(self, browser, width):
        self.context = browser.new_context(viewport=widths[width]); self.page, self.wrong = self.context.new_page(), []
        self.page.set_default_timeout(LONG)
        self.page.on('console', lambda m: m.type=='error' and self.wrong.append(f'console: {m.text} ({m.location.get("url", "")})'))
        self.page.on('pageerror', lambda e: self.wrong.append(f'error: {e}'))
        self.context.route(lambda url: not re.match(r'(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:', url), self.refuse)
    def refuse(self, route): self.wrong.append(f'another host: {route.request.url}'); route.abort()

@pytest.fixture
def watched(chromium):
    made = []
    def make(width): made.append(Watched(chromium, width)); return made[-1]
    yield make
    for w in made: w.context.close()
    assert not [m for w in made for m in w.wrong]

def drawn(page):
    "Waits until the browser has laid out and painted what it knows"
    page.evaluate('() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')

def shot(page, name):
    "Stores a screenshot of the whole page, and refuses one that is wider than the window"
    screens.mkdir(exist_ok=True)
    size = page.viewport_size
    tall = page.evaluate('Math.max(...[...document.querySelectorAll("body, body *")].map(e => e.scrollHeight))')
    page.set_viewport_size(dict(width=size['width'], height=min(tall + 120, 12_000))); drawn(page)
    page.screenshot(path=screens/f'{name}.png'); page.set_viewport_size(size)
    wide = page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    assert wide<=1, f'{name} is {wide} pixels wider than the window'

def served(command, cwd, pattern, log, **env):
    "Starts a server and waits until it says where it is"
    with open(log, 'w') as f: proc = subprocess.Popen(command, cwd=cwd, stdout=f, stderr=subprocess.STDOUT, env=os.environ | env)
    said = lambda: log.read_text(encoding='utf-8', errors='replace')
    try: return proc, until(lambda: re.search(pattern, said()), LONG/1000, f'{Path(command[0]).name} {command[1]} to say where it is', lambda: '' if proc.poll() is None else f'it ended: {said()}')[0]
    except BaseException: proc.kill(); raise

@pytest.fixture(scope='session')
def place(tmp_path_factory):
    "A folder with a finished run of two strategies"
    there = tmp_path_factory.mktemp('place')
    for s in ('cocogen', 'cocogen+'): run(Config(strategy=s, rounds=3, local_steps=10, generator='mixture', samples=400, competition=.5), there/'runs'/'both'/s, progress=False)
    return there

@pytest.fixture(scope='session')
def app(place):
    proc, url = served([bin_/'cocogen', 'explore', 'runs/both', '--no-browser', '--port', '8940'], place, r'http://127\.0\.0\.1:\d+/\?token=\S+', place/'app.log')
    yield url
    proc.terminate(); proc.wait(300)

def fact(where, name): return where.locator(f'[data-fact="{name}"]:visible').first
def pictures(where): return where.locator('img').evaluate_all('all => all.filter(i => i.offsetParent).map(i => i.src)')
def slider(where, label): return where.locator('.widget-slider:visible').filter(has=where.page.locator(f'label:text-is("{label}")')).locator('.noUi-handle').first
def nudge(where, label, presses, key='ArrowRight'):
    "Moves a slider as a person without a mouse does"
    slider(where, label).focus()
    for _ in range(presses): slider(where, label).press(key)
def changed(page, old): page.wait_for_function('old => [...document.querySelectorAll("img")].filter(i => i.offsetParent).some(i => !old.includes(i.src))', arg=old)

def play(where, steps:int):
    "Game: from the start, move strength, competition and organizations by keyboard; compare with the library after each"
    expect(fact(where, 'strength')).to_have_text('0.05')
    n, gamma, xi = 10, .3, .05
    for label, presses in (('strength ξ', steps), ('competition', steps), ('organizations', 2)):
        before = pictures(where)
        nudge(where, label, presses)
        if label=='strength ξ': xi = round(xi + .002*presses, 3)
        if label=='competition': gamma = round(gamma + .01*presses, 2)
        if label=='organizations': n += presses
        game = Game(Federation.simulate(n, .5, gamma, 0), rule=RivalryRedistribution(xi)); x = equilibrium(game).x
        expect(fact(where, 'welfare')).to_have_text(f'{game.welfare(x):,.1f}'); expect(fact(where, 'generated')).to_have_text(f'{x.sum():,.0f} samples')
        changed(where.page, before)
        assert len(pictures(where))==len(before)                                 # the same pictures in other states, none stacked

@pytest.mark.parametrize('width', widths)
def test_application(app, place, watched, width):
    page = watched(width).page; body = page.locator('body')
    page.goto(app)
    expect(fact(body, 'strength')).to_be_visible()
    tab = lambda name: page.get_by_role('tab', name=name).click()
    play(body, 3); shot(page, f'app-game-{width}')
    nudge(body, 'competition', 67)                                               # an impossible setting is a sentence
    nudge(body, 'strength ξ', 60)
    expect(page.get_by_role('alert')).to_be_visible(); shot(page, f'app-impossible-{width}')
    page.get_by_role('button', name='Start again').click(); expect(fact(body, 'strength')).to_have_text('0.05')

    tab('Mine')
    expect(page.get_by_text('Research Centre would leave')).to_be_visible(); shot(page, f'app-own-{width}')
    cell = page.locator('input[type=number]:visible').first; cell.fill('2000'); cell.press('Enter')
    game = Game(EXAMPLE.with_(local=[2000., *EXAMPLE.local[1:]], cap=EXAMPLE.cap), PowerLaw(10.46, .36, .2, math.log(10)), RivalryRedistribution(0.)); x = equilibrium(game).x
    expect(fact(body, 'welfare')).to_have_text(f'{game.welfare(x):,.1f}')
    with page.expect_download() as d: page.get_by_role('link', name='equilibrium.csv').click()
    rows = Path(d.value.path()).read_text(encoding='utf-8').splitlines()
    assert np.allclose([float(r.split(',')[2]) for r in rows[1:]], x)

    tab('Run')
    rows = read_run(place/'runs'/'both'/'cocogen').table.groupby('round').first()
    expect(fact(body, 'round')).to_have_text('1'); expect(fact(body, 'loss')).to_have_text(f'{rows.loss[1]:.4f}')
    nudge(body, 'round', 1)
    expect(fact(body, 'round')).to_have_text('2'); expect(fact(body, 'loss')).to_have_text(f'{rows.loss[2]:.4f}')
    shot(page, f'app-run-{width}')

    tab('Partition')
    expect(fact(body, 'heterogeneity')).to_be_visible()
    nudge(body, 'seed', 1)
    d = load('digits'); told = describe(class_counts(d.labels, dirichlet(d.labels, 10, .5, 1), 10))
    expect(fact(body, 'heterogeneity')).to_have_text(f'{np.average(told.heterogeneity, weights=told.images):.3f}'); shot(page, f'app-partition-{width}')

    tab('Generator')
    expect(fact(body, 'seconds')).to_be_visible(); before = pictures(body)
    nudge(body, 'steps', 1); changed(page, before)
    expect(page.get_by_text('7 network calls an image')).to_be_visible(); shot(page, f'app-generator-{width}')

def test_application_wants_its_token(app, chromium):
    page = chromium.new_page()
    page.goto(app.split('?')[0])
    assert 'login' in page.url and not page.locator('.jupyter-widgets').count()
    page.close()

@pytest.fixture(scope='session')
def lab(place):
    cells = ['from cocogen.explore import *', 'explore_game()', "explore_partition()", "explore_run('runs/both')", 'explore_generator()', 'consortium()']
    book = dict(nbformat=4, nbformat_minor=5, metadata=dict(kernelspec=dict(name='python3', language='python', display_name='Python 3')), cells=[dict(cell_type='code', id=f'c{k}', metadata={}, execution_count=None, outputs=[], source=s) for k, s in enumerate(cells)])
    (place/'explorers.ipynb').write_text(json.dumps(book), encoding='utf-8')
    settings = place/'settings'/'@jupyterlab'/'notebook-extension'; settings.mkdir(parents=True)
    (settings/'tracker.jupyterlab-settings').write_text('{"windowingMode": "none"}', encoding='utf-8')        # every cell is on the page, in view or not
    proc, url = served([bin_/'jupyter', 'lab', '--allow-root', '--no-browser', '--ip=127.0.0.1', '--port=8950', '--IdentityProvider.token=lab', '--LabApp.news_url=', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate', f'--ServerApp.root_dir={place}'],
        place, r'http://127\.0\.0\.1:\d+/lab\?token=\S+', place/'lab.log', JUPYTERLAB_SETTINGS_DIR=str(place/'settings'), JUPYTERLAB_WORKSPACES_DIR=str(place/'workspaces'))
    yield re.match(r'http://[^/]+', url)[0]
    proc.terminate(); proc.wait(300)

def run_all(page):
    "Tells JupyterLab to run all cells until it has: a command that comes before the kernel is ready can be lost"
    prompts, idle = page.locator('.jp-CodeCell .jp-InputPrompt'), page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    expect(idle).to_be_visible()
    said = lambda pattern: [bool(re.fullmatch(pattern, t.strip())) for t in prompts.all_text_contents()]
    begun = lambda: any(said(r'\[(\d+|\*)\]:'))
    def told():
        if begun(): return True
        page.get_by_role('menuitem', name='Run', exact=True).click(); page.get_by_text('Run All Cells', exact=True).click()
        page.wait_for_timeout(5000)
        return begun()
    until(told, LONG/1000, 'JupyterLab to run the first cell')
    until(lambda: page.wait_for_timeout(500) or all(said(r'\[\d+\]:')), LONG/1000, 'JupyterLab to run all cells')
    expect(idle).to_be_visible()

def test_jupyterlab(lab, watched):
    page = watched('1280').page; body = page.locator('body')
    page.goto(f'{lab}/lab/tree/explorers.ipynb?token=lab&reset')
    page.locator('.jp-Notebook').wait_for()
    if (no:=page.get_by_role('button', name='No', exact=True)).count(): no.click()
    run_all(page)
    expect(fact(body, 'seconds')).to_be_attached()
    cell = lambda k: page.locator('.jp-CodeCell').nth(k)
    for k, name in enumerate(('game', 'partition', 'run', 'generator', 'own'), 1):
        cell(k).scroll_into_view_if_needed(); expect(cell(k).locator('img').first).to_be_visible(); drawn(page)
        page.screenshot(path=screens/f'lab-{name}.png')
    cell(1).scroll_into_view_if_needed()
    play(cell(1).locator('.jp-OutputArea'), 2)
    nudge(cell(2), 'seed', 1)
    d = load('digits'); told = describe(class_counts(d.labels, dirichlet(d.labels, 10, .5, 1), 10))
    expect(fact(cell(2), 'heterogeneity')).to_have_text(f'{np.average(told.heterogeneity, weights=told.images):.3f}')
    nudge(cell(3), 'round', 1); expect(fact(cell(3), 'round')).to_have_text('2')
    nudge(cell(4), 'steps', 1); expect(cell(4).get_by_text('7 network calls an image')).to_be_visible()
    cell(5).get_by_role('button', name='Best strength').click(); expect(cell(5).get_by_text('Everyone stays;')).to_be_visible()
    page.keyboard.press('Control+s'); expect(page.locator('.jp-mod-dirty')).to_have_count(0)

@pytest.fixture(scope='session')
def pages():
    if not (site/'index.html').exists(): pytest.skip('the site is not built: `make docs` first')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(type('Quiet', (http.server.SimpleHTTPRequestHandler,), dict(log_message=lambda *a: None)), directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()

@pytest.mark.parametrize('width', widths)
def test_every_page_of_the_site(pages, watched, width):
    w = watched(width)
    for p in sorted(site.rglob('*.html')):
        w.page.goto(f'{pages}/{p.relative_to(site).as_posix()}', wait_until='load')
        wide = w.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
        assert wide<=1, f'{p.name} is {wide} pixels wider than a window of {width}'

@pytest.mark.parametrize('width', widths)
def test_sliders_of_the_site(pages, watched, width):
    page = watched(width).page; body = page.locator('body')
    page.goto(f'{pages}/explore/02_play.html')
    expect(fact(body, 'strength')).to_be_visible()
    expect(fact(body, 'strength')).to_have_text('0')
    nudge(body, 'strength ξ', 3); expect(fact(body, 'strength')).to_have_text('0.04')
    nudge(body, 'competition', 1)
    game = Game(Federation.simulate(10, .5, .3, 0), rule=RivalryRedistribution(.04)); x = equilibrium(game).x
    expect(fact(body, 'welfare')).to_have_text(f'{game.welfare(x):,.1f}')
    shot(page, f'site-sliders-{width}')
    for name in ('index', 'glossary', 'tutorials/00_first_round', 'api/cocogen.game.utility', 'game/04_solvers'):
        page.goto(f'{pages}/{name}.html'); page.wait_for_load_state('load'); shot(page, f'site-{name.split("/")[-1]}-{width}')

def test_search_of_the_site(pages, watched):
    page = watched('1280').page
    page.goto(f'{pages}/search.html?q=equilibrium')
    expect(page.locator('#search-results li a').first).to_be_visible()
    shot(page, 'site-search-1280')
    first = page.locator('#search-results li a').first.get_attribute('href')
    page.goto(f'{pages}/{first}'); assert 'quilibri' in page.locator('article').inner_text()
