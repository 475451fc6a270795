{# How many whole times one count goes into another; neither may be negative, a zero divisor gives NULL. #}
{% macro whole_division(dividend, divisor) -%}
    {{ return(adapter.dispatch('whole_division', 'shelfgate')(dividend, divisor)) }}
{%- endmacro %}

{% macro duckdb__whole_division(dividend, divisor) -%}
    (({{ dividend }}) // nullif({{ divisor }}, 0))
{%- endmacro %}

{# Snowflake divides to six decimals and rounds; taking the remainder away first leaves nothing to round. #}
{% macro snowflake__whole_division(dividend, divisor) -%}
    ((({{ dividend }}) - mod({{ dividend }}, nullif({{ divisor }}, 0))) / nullif({{ divisor }}, 0))
{%- endmacro %}
