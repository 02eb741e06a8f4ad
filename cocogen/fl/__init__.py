"The learning side: data, generators, training, rounds, runs. These names are the public contract."
from .data import DataError, DataSet
from .sets import Split, load, split
from .partition import by_column, class_counts, dirichlet, feature_shift, iid, quantity, shards
from .generate import DiffusionGenerator, Generator, GeneratorConfig
from .generators import CheckedGenerator, MixtureGenerator, Pool, PretrainedGenerator
from .train import MODELS, Recipe, aggregate, evaluate, local_train, model
from .engines import ENGINES, Engine, EngineError, engine
from .fidelity import fidelity, sheet
from .config import Config, ConfigError
from .prepare import Consortium, prepare
from .carriers import State, start, synthesize
from .contributions import gtg_shapley, measured
from .rounds import decide, learn, play_round
from .learning import begin, calibration, rehearse
from .runs import (Run, RunError, compare, load_model, read_comparison, read_run, resume, run,
    run_summary)
from .sweep import parallel, read_sweep, sweep
from .calibrate import calibrate, fit, measure

__all__ = [
    'DataError', 'DataSet', 'Split', 'load', 'split',
    'by_column', 'class_counts', 'dirichlet', 'feature_shift', 'iid', 'quantity', 'shards',
    'CheckedGenerator', 'DiffusionGenerator', 'Generator', 'GeneratorConfig', 'MixtureGenerator',
    'Pool', 'PretrainedGenerator', 'fidelity', 'sheet',
    'MODELS', 'Recipe', 'aggregate', 'evaluate', 'local_train', 'model',
    'ENGINES', 'Engine', 'EngineError', 'engine',
    'Config', 'ConfigError',
    'Consortium', 'State', 'begin', 'calibration', 'decide', 'gtg_shapley', 'learn', 'measured',
    'play_round', 'prepare', 'rehearse', 'start', 'synthesize',
    'Run', 'RunError', 'compare', 'load_model', 'read_comparison', 'read_run', 'resume', 'run',
    'run_summary',
    'parallel', 'read_sweep', 'sweep', 'calibrate', 'fit', 'measure']
