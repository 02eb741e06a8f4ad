"The study: what is planned, played, tabled, judged and drawn. The names below are the public contract."
from .design import SCALES, Scale, workload
from .tables import Study, read_study, study
from .verdicts import (Claim, effect, findings, interval, judge, judged, percent,
    rank_correlation, said, verdict_table, verdicts, where)

__all__ = ['SCALES', 'Scale', 'workload', 'Study', 'read_study', 'study', 'Claim', 'effect',
    'findings', 'interval', 'judge', 'judged', 'percent', 'rank_correlation', 'said',
    'verdict_table', 'verdicts', 'where']
