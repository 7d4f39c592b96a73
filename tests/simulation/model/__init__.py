"""What Dure should do, said a second time and plainly: balances, lots, seats and duties in memory, no I/O.

The model decides every request by itself. What the product answers, counts and publishes must agree with it.
"""

from tests.simulation.model.core import Fact
from tests.simulation.model.whole import Model

__all__ = ["Fact", "Model"]
