"""Candidate to publication: measure, publish, read back."""

from __future__ import annotations

from prefect import get_run_logger, task

from shelfgate.model import Approval, Candidate, Publication
from shelfgate.ops.runs import Run
from shelfgate.progress import Step, report
from shelfgate.publication.candidate import measure
from shelfgate.publication.landing_fingerprint import refuse_later_arrivals
from shelfgate.publication.publish import publish
from shelfgate.warehouse import Warehouse
from tasks.retries import ONCE


@task(name="measure candidate", **ONCE)
def measure_candidate(warehouse: Warehouse, run: Run, landed: Approval) -> Candidate:
    """Digest what the build left in schema `candidate`.

    Raises:
        GateClosed: something landed after the landing gate, which the build may have read.
    """
    report(Step(now="measuring the candidate"))
    with warehouse.turn() as session:
        refuse_later_arrivals(session, landed)
        candidate = Candidate(run.run_id, run.business_date, run.base_id, measure(session, run.base_id))
    touched = sum(partition.touched for partition in candidate.partitions)
    get_run_logger().info(
        "candidate %s: %s rows in %d of %d partitions, the others as %s serves them",
        candidate.digest[:12],
        f"{candidate.rows_built:,}",
        touched,
        len(candidate.partitions),
        run.base_id or "nothing yet",
    )
    return candidate


@task(name="publish", **ONCE)
def publish_candidate(warehouse: Warehouse, run: Run, candidate: Candidate, approval: Approval) -> Publication:
    """Make the approved candidate what readers see, in one transaction."""
    report(Step(now="measuring the candidate once more"))
    with warehouse.turn() as session:
        publication = publish(session, candidate, approval, run.token)
    logger = get_run_logger()
    if publication.new:
        logger.info(
            "%s published: %d partitions changed, %s rows written",
            publication.publication_id,
            publication.partitions_changed,
            f"{publication.rows_written:,}",
        )
    else:
        logger.info("nothing new: readers keep %s", publication.publication_id)
    return publication
