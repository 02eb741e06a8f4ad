"Checks a built site: every link and anchor leads somewhere, and nothing comes from another host."
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {('img', 'src'), ('script', 'src'), ('link', 'href'), ('iframe', 'src'),
    ('source', 'src'), ('video', 'src'), ('audio', 'src')}
NOTED = ('canonical', 'prev', 'next', 'index', 'search', 'author')    # links that fetch nothing
IMPORTED = r'(?:@import\s+|url\()["\']?((?:https?:)?//[^"\')\s]+)'

class Page(HTMLParser):
    "Anchors that a page offers, and places it names"
    def __init__(self, path:Path):
        super().__init__()
        self.ids, self.named = set(), []
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        if tag=='link' and (a.get('rel') or '') in NOTED: return
        self.named += [(tag, k, a[k]) for k in ('href', 'src') if a.get(k)]

    handle_startendtag = handle_starttag

@lru_cache(maxsize=None)      # the same few hundred places are named by every page
def place(folder:Path, path:str)->Path:
    "The file that a link from a folder means"
    target = (folder/unquote(path)).resolve()
    return target/'index.html' if target.is_dir() else target

def fault(folder:Path, pages:dict, p:Path, tag:str, attribute:str, to:str)->str:
    "What is wrong with one link of a page, as the end of a sentence; empty if nothing is"
    u = urlsplit(to)
    if u.scheme in ('http', 'https') or to.startswith('//'):
        return f'fetches {to} from another host' if (tag, attribute) in FETCHED else ''
    if u.scheme in ('mailto', 'data', 'javascript'): return ''
    if u.scheme: return f'links to {to}, which only this machine could open'
    target = place(p.parent, u.path) if u.path else p
    if not target.is_relative_to(folder): return f'links to {to}, which lies outside the site'
    if target not in pages and not target.exists(): return f'links to {to}, which is not there'
    if u.fragment and target in pages and unquote(u.fragment) not in pages[target].ids:
        return f'links to {to}, which has no such anchor'
    return ''

def broken(folder:Path)->list:
    "A sentence for each link that leads nowhere and each resource of another host"
    place.cache_clear()        # of a site as it was before
    folder = folder.resolve()
    paths = [p.resolve() for p in folder.rglob('*.html')]
    with ProcessPoolExecutor(2) as pool:
        pages = dict(zip(paths, pool.map(Page, paths, chunksize=8)))
    faults = set()
    for p, page in pages.items():
        for link in page.named:
            if why := fault(folder, pages, p, *link):
                faults.add(f'{p.relative_to(folder)} {why}')
    for p in folder.rglob('*.css'):
        for to in re.findall(IMPORTED, p.read_text(encoding='utf-8')):
            faults.add(f'{p.name} fetches {to} from another host')
    return sorted(faults)

if __name__=='__main__':
    sys.exit('\n'.join(broken(Path(sys.argv[1]))) or None)
