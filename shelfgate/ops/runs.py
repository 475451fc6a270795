"""A run: the business date it is about, and the publication it is based on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from shelfgate.errors import ConfigurationError
from shelfgate.model import Publication
from shelfgate.ops.lease import Lease
from shelfgate.ops.pointer import current_publication
from shelfgate.warehouse import Session


@dataclass(frozen=True)
class Run:
    """One pass over one business date, based on the publication that was current when it began."""

    run_id: str
    business_date: date
    base: Publication | None
    judged_until: datetime | None = None
    """When the first gate of the base's run judged: what landed later, during that run too, has not been judged yet."""
    token: int = 0
    """Of the lease under which it runs; 0 is nobody's, and publishes nothing."""

    @property
    def base_id(self) -> str | None:
        return self.base.publication_id if self.base else None


def begin_run(session: Session, lease: Lease, business_date: date | None) -> Run:
    """Pin what the run that holds the lease is based on; without a business date, that of what is published.

    Raises:
        ConfigurationError: the business date lies before the one that is published (time does not go back by a
            refresh), or none is given and nothing is published.
    """
    base = current_publication(session)
    if business_date is None:
        if base is None:
            raise ConfigurationError("nothing is published yet: `shelfgate refresh` first. Nothing was changed.")
        business_date = base.business_date
    refuse_an_earlier_day(base, business_date)
    return Run(lease.owner, business_date, base, judged_until(session, base), lease.token)


def refuse_an_earlier_day(base: Publication | None, business_date: date) -> None:
    """
    Raises:
        ConfigurationError: the business date lies before that of the publication.
    """
    if base and business_date < base.business_date:
        raise ConfigurationError(
            f"refresh: business date {business_date} lies before {base.business_date}, which {base.publication_id} "
            "publishes. Expected that day or a later one. Nothing was changed."
        )


def judged_until(session: Session, base: Publication | None) -> datetime | None:
    """When the first gate of the run behind `base` judged; None before the first publication."""
    if base is None:
        return None
    found = session.rows("select min(judged_at) as began from ops.gate_result where run_id = ?", [base.judged_run_id])
    return found[0]["began"]
