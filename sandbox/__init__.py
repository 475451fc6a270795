"""The whole estate on one machine, behind the interfaces that production has; production code never imports it."""
