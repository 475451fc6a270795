"""Every fault of the catalogue in its order; refuses two of one name."""

from __future__ import annotations

from tests.faults.fault import Fault
from tests.faults.kinds import (
    at_the_source,
    in_candidate,
    in_models,
    in_staging,
    landed_inventory,
    landed_others,
    landed_reference,
    landed_sales,
    of_the_protocol,
)

FAULTS: tuple[Fault, ...] = (
    *at_the_source.FAULTS,
    *landed_inventory.FAULTS,
    *landed_sales.FAULTS,
    *landed_others.FAULTS,
    *landed_reference.FAULTS,
    *in_staging.FAULTS,
    *in_candidate.FAULTS,
    *in_models.FAULTS,
    *of_the_protocol.FAULTS,
)

assert len({fault.fault_id for fault in FAULTS}) == len(FAULTS), "two faults bear the same name"
