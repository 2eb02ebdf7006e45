"""The planted faults of `python -m bench.mutants` still have their places: a change of the engine must not
disarm them unnoticed.
"""

import pytest

from bench.installation import ROOT
from bench.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.title)
def test_a_fault_can_be_planted(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
