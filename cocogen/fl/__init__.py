"The learning side: data, partitions, generators, training, rounds and runs. The names below are the public contract."
from .data import DataError, DataSet
from .sets import Split, load, split
from .generate import DiffusionGenerator, GeneratorConfig
