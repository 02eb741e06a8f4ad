"The learning side: data, partitions, generators, training, rounds and runs. The names below are the public contract."
from .data import DataError, DataSet
from .sets import Split, load, split
from .partition import class_counts, dirichlet
from .generate import DiffusionGenerator, GeneratorConfig
from .train import MODELS, average, evaluate, fidelity, local_train, model
from .rounds import Config, ConfigError, Consortium, State, calibration, decide, learn, play_round, prepare, settle, start, synthesize
from .runs import Run, RunError, read_run, resume, run
from .calibrate import calibrate
