-- What each publication wrote to the store, of how much it serves.
select
    publications.publication_id,
    publications.rows_written,
    publications.partitions_changed,
    count(*) as partitions_served,
    sum(manifest.row_count) as rows_served
from ops.publication as publications
inner join ops.manifest as manifest on publications.publication_id = manifest.publication_id
group by publications.publication_id, publications.rows_written, publications.partitions_changed
