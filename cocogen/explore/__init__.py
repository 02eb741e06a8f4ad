"Seeing and playing: figures and explorers. The names below are the public contract."
from .own import consortium
from .play import explore_game, explore_partition
from .plots import report, run_figure
from .watch import explore_generator, explore_run

__all__ = ['consortium', 'explore_game', 'explore_generator', 'explore_partition', 'explore_run',
    'report', 'run_figure']
