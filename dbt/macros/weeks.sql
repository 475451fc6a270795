{# 0 = Sunday .. 6 = Saturday, whatever the session thinks the first day of a week is. #}
{% macro day_of_week(day) -%}
    {{ return(adapter.dispatch('day_of_week', 'shelfgate')(day)) }}
{%- endmacro %}

{% macro default__day_of_week(day) -%}
    dayofweek({{ day }})
{%- endmacro %}

{% macro snowflake__day_of_week(day) -%}
    mod(dayofweekiso({{ day }}), 7)
{%- endmacro %}


{# The first day of the week that holds `day`: day arithmetic only. TPC-DS's own d_week_seq runs Tuesday to Monday. #}
{% macro week_start(day) -%}
    {%- set first_day = var('week_start_day') | int -%}
    {%- if execute and first_day not in range(7) -%}
        {{ exceptions.raise_compiler_error(
            "week_start_day: " ~ first_day ~ " was given, 0 (Sunday) to 6 (Saturday) is wanted. Nothing was built."
        ) }}
    {%- endif -%}
    cast({{ day }} - cast(mod({{ day_of_week(day) }} + {{ 7 - first_day }}, 7) as integer) as date)
{%- endmacro %}


{# A label for people, never a join key: the how-manieth week of its year ends on this day. #}
{% macro week_num(week_end_date) -%}
    cast({{ whole_division('dayofyear(' ~ week_end_date ~ ') - 1', '7') }} + 1 as bigint)
{%- endmacro %}
