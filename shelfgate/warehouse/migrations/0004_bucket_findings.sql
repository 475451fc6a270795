-- What the last listing of the landing bucket found beside its dumps; each run replaces it. Deleted: quarantined,
-- and gone from the bucket. Ignored: quarantined by an older release, no dump by its name. Like a dump: ignored for its
-- name, though it may be meant as one.
create table if not exists ops.bucket_finding (
    object_key varchar not null,
    version_id varchar not null,
    last_modified timestamp,           -- as the ledger has it, or S3
    finding varchar not null           -- deleted | ignored | like_a_dump
);
