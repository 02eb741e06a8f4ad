"The economics of rounds and runs, on numpy and scipy only. The names below are the public contract."
from ..streams import stream
from . import tables # gives Federation its constructors from_frame and from_csv
from .account import account, by_round, law_sentence, what_keeps, when_they_leave, who_leaves
from .audits import coalition_welfare, leave_one_out, misreport_regret, shapley
from .coalitions import critical_discount, minmax, stable_coalition
from .federation import Federation, FederationError, Segments, heterogeneity
from .horizon import Horizon, RunGame, RunLaw
from .incentives import (FirstBest, SidePayments, auto_strength, benefits, best_strength,
    budget_gap, departures, individual_rationality, outside_option, rational_strengths,
    side_payments)
from .learning import Exponential, InverseSqrt, LawError, PowerLaw
from .run_incentives import Ahead, OwnStrengths, Rates, ahead, staying_payments
from .run_solvers import RunSolution, myopic
from .solvers import (Grid, Solution, SolverError, best_response, equilibria, equilibrium,
    exploitability, optimum, planner_is_concave)
from .strategies import STRATEGIES, compare, play, summary
from .utility import Game, GameError, NoTransfers, RivalryRedistribution, check_rule

__all__ = [
    'Federation', 'FederationError', 'Segments', 'heterogeneity', 'stream',
    'Exponential', 'InverseSqrt', 'LawError', 'PowerLaw',
    'Horizon', 'RunGame', 'RunLaw', 'RunSolution', 'myopic',
    'Ahead', 'OwnStrengths', 'Rates', 'ahead', 'staying_payments',
    'Game', 'GameError', 'NoTransfers', 'RivalryRedistribution', 'check_rule',
    'Grid', 'Solution', 'SolverError', 'best_response', 'equilibria', 'equilibrium',
    'exploitability', 'optimum', 'planner_is_concave',
    'FirstBest', 'SidePayments', 'auto_strength', 'benefits', 'best_strength', 'budget_gap',
    'departures', 'individual_rationality', 'outside_option', 'rational_strengths',
    'side_payments',
    'critical_discount', 'minmax', 'stable_coalition',
    'coalition_welfare', 'leave_one_out', 'misreport_regret', 'shapley',
    'account', 'by_round', 'law_sentence', 'what_keeps', 'when_they_leave', 'who_leaves',
    'STRATEGIES', 'compare', 'play', 'summary']
