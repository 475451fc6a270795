-- Which migration a build was written under: a digest is over the columns that its table had then, so that a build from
-- before a column was added still reads back as it was judged. NULL: from before this migration.
alter table ops.manifest add column if not exists schema_version bigint;

-- Migrations are recorded in ops.migration; ops.installation keeps the digest of the views only.
delete from ops.installation where part in ('install_ops', 'install_store');
