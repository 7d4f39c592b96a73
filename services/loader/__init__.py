"""Loads a scenario through the public APIs, so that loading is itself a test of them.

Every call carries an Idempotency-Key made from the scenario's name and the row it records: a second load, or
one after a crash, repeats the same calls and changes nothing.
"""

from services.loader.loading import fill_demo, load
from services.loader.scenario import REGIONS, ScenarioError, region_batches

__all__ = ["REGIONS", "ScenarioError", "fill_demo", "load", "region_batches"]
