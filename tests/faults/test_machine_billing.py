"""Machines that sell, use, bill, pay and take back in any order, with faults as steps, against plain books."""

import pytest

from chalicelib.invoices import store as invoices_store
from tests.faults.machine import Machine, run_machine


@pytest.mark.parametrize("part", range(2))
def test_whatever_happens_all_that_was_used_is_billed_once(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Part(Machine):
        """One of several machines that draw other steps, because the name of a class seeds it."""

    Part.__name__ = Part.__qualname__ = f"Part{part}"
    if part:
        monkeypatch.setattr(invoices_store, "PAGE_BYTES", 200)
    run_machine(Part, runs=25, steps=40)
