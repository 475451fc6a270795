{# 0 = Sunday .. 6 = Saturday, whatever the session thinks the first day of a week is. #}
{% macro day_of_week(day) -%}
    {{ return(adapter.dispatch('day_of_week', 'shelfgate')(day)) }}
{%- endmacro %}

{% macro duckdb__day_of_week(day) -%}
    dayofweek({{ day }})
{%- endmacro %}

{% macro snowflake__day_of_week(day) -%}
    mod(dayofweekiso({{ day }}), 7)
{%- endmacro %}
