"Checks a built site: every internal link and anchor leads somewhere, and nothing is fetched from another host."
import re, sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {('img', 'src'), ('script', 'src'), ('link', 'href'), ('iframe', 'src'), ('source', 'src'), ('video', 'src'), ('audio', 'src')}

class Page(HTMLParser):
    "Anchors that a page offers, and places it names"
    def __init__(self, path):
        super().__init__(); self.ids, self.named = set(), []
        self.feed(path.read_text(encoding='utf-8'))
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        rel = a.get('rel') or ''
        for k in ('href', 'src'):
            if a.get(k) and not (tag=='link' and rel in ('canonical', 'prev', 'next', 'index', 'search', 'author')): self.named.append((tag, k, a[k]))
    handle_startendtag = handle_starttag

def broken(folder:Path)->list:
    "A sentence for each link of the site that leads nowhere and each resource of another host"
    pages = {p.resolve(): Page(p) for p in folder.rglob('*.html')}
    faults = []
    for p, page in pages.items():
        for tag, k, to in page.named:
            u = urlsplit(to)
            if u.scheme in ('http', 'https') or to.startswith('//'):
                if (tag, k) in FETCHED: faults.append(f'{p.name} fetches {to} from another host')
                continue
            if u.scheme in ('mailto', 'data', 'javascript'): continue
            if u.scheme: faults.append(f'{p.name} links to {to}, which only this machine could open'); continue
            target = (p.parent/unquote(u.path)).resolve() if u.path else p
            if target.is_dir(): target /= 'index.html'
            if not target.is_relative_to(folder.resolve()): faults.append(f'{p.relative_to(folder.resolve())} links to {to}, which lies outside the site')
            elif not target.exists(): faults.append(f'{p.relative_to(folder.resolve())} links to {to}, which is not there')
            elif u.fragment and target in pages and unquote(u.fragment) not in pages[target].ids: faults.append(f'{p.relative_to(folder.resolve())} links to {to}, which has no such anchor')
    for p in folder.rglob('*.css'):
        for to in re.findall(r'(?:@import\s+|url\()["\']?((?:https?:)?//[^"\')\s]+)', p.read_text(encoding='utf-8')): faults.append(f'{p.name} fetches {to} from another host')
    return sorted(set(faults))

if __name__=='__main__':
    faults = broken(Path(sys.argv[1]))
    sys.exit('\n'.join(faults) or None)
