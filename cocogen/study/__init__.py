"The study: what is planned, trained, tabled, judged and drawn. The names below are the public contract."
from .design import SCALES, Scale, read_study, study, workload
from .verdicts import findings, verdicts
