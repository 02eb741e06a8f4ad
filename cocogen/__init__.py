"Rival organizations train one model together: the game, the images, the settlement."
import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

__version__ = "0.2.0"

MOVED = {            # modules by the names that they had before 0.2, until the release after it
    'cocogen.consortium': 'cocogen.deploy.commands',
    'cocogen.nodes': 'cocogen.deploy.nodes',
    'cocogen.explore.figures': 'cocogen.study.figures',
    'cocogen.fl.deploy': 'cocogen.deploy.homes',
    'cocogen.fl.flower': 'cocogen.deploy.messages',
    'cocogen.fl.serve': 'cocogen.deploy.server',
    'cocogen.fl.study': 'cocogen.study',
    'cocogen.fl.verdicts': 'cocogen.study.verdicts'}

class Moved(MetaPathFinder, Loader):
    "Finds a module under its former name, and says its new one"
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec):
        new = MOVED[spec.name]
        warnings.warn(f'{spec.name} is now {new}', DeprecationWarning, stacklevel=2)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = module.__spec__.loader_state       # it has run, under its own name

sys.meta_path.append(Moved())
