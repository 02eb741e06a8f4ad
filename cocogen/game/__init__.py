"The economics of one round: numpy and scipy only, no torch. The names below are the public contract."
from .federation import Federation, FederationError, Segments, heterogeneity, stream
from . import tables        # gives Federation its constructors from_frame and from_csv
from .learning import Exponential, InverseSqrt, LawError, PowerLaw
from .utility import Game, GameError, NoTransfers, RivalryRedistribution
from .solvers import Grid, Solution, SolverError, best_response, equilibria, equilibrium, exploitability, optimum
from .incentives import (FirstBest, SidePayments, auto_strength, best_strength, budget_gap, coalition_welfare, critical_discount, individual_rationality,
    leave_one_out, misreport_regret, outside_option, rational_strengths, shapley, side_payments, stable_coalition)
from .account import account, what_keeps, who_leaves
from .strategies import STRATEGIES, compare, play, summary
