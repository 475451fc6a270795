{# The last day whose data is in, as a date literal. There is no default: a build of a guessed day is a wrong build. #}
{% macro business_date() -%}
    {%- set given = var('business_date', 'nothing') | string -%}
    {%- if execute and not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', given) -%}
        {{ exceptions.raise_compiler_error(
            "business_date: " ~ given ~ " was given, a date like 2003-01-08 is wanted "
            ~ "(--vars '{business_date: 2003-01-08}'). Nothing was built from this model."
        ) }}
    {%- endif -%}
    cast('{{ given }}' as date)
{%- endmacro %}
