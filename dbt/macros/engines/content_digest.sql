{#
    One text for a set of rows: 64-bit hashes, summed. A doubled, a lost or a changed row gives another text, the order of
    rows does not. Only ever compared with a digest of the same engine; `shelfgate.publication.publish` does the same.
#}
{% macro content_digest(columns) -%}
    {{ return(adapter.dispatch('content_digest', 'shelfgate')(columns)) }}
{%- endmacro %}

{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'shelfgate')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as decimal(38, 0))
{%- endmacro %}

{% macro snowflake__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as number(38, 0))
{%- endmacro %}

{% macro duckdb__content_digest(columns) -%}
    cast(sum(hash({{ columns | join(', ') }})) as varchar)
{%- endmacro %}

{% macro snowflake__content_digest(columns) -%}
    cast(sum(cast(hash({{ columns | join(', ') }}) as number(38, 0))) as varchar)
{%- endmacro %}
