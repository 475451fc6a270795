"""What may be kept of an error: the rule of the layer below, which the warehouse's own errors keep, too."""

from __future__ import annotations

from shelfgate.row_values import LONGEST, withhold_values

__all__ = ["LONGEST", "withhold_values"]
