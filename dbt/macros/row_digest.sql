{#
    md5 over the named columns, in that order. Each value is written with its length and a NULL as a dash, so that no
    two rows that differ are written alike: not NULL and '', not ('a', 'bc') and ('ab', 'c').
#}
{% macro row_digest(columns) -%}
    md5(
    {%- for column in columns %}
        {%- set text = 'cast(' ~ column ~ ' as varchar)' %}
        coalesce(cast(length({{ text }}) as varchar) || ':' || {{ text }}, '-')
        {%- if not loop.last %} ||{% endif %}
    {%- endfor %}
    )
{%- endmacro %}
