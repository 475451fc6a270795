{# The first day of the week that holds `day`: day arithmetic only. TPC-DS's own d_week_seq runs Tuesday to Monday. #}
{% macro week_start(day) -%}
    {%- set first_day = var('week_start_day') | int(-1) -%}
    {%- if execute and first_day not in range(7) -%}
        {{ exceptions.raise_compiler_error(
            "week_start_day: " ~ var('week_start_day') ~ " was given, 0 (Sunday) to 6 (Saturday) is wanted. "
            ~ "Nothing was built from this model."
        ) }}
    {%- endif -%}
    cast({{ day }} - cast(mod({{ day_of_week(day) }} + {{ 7 - first_day }}, 7) as integer) as date)
{%- endmacro %}


{# A label for people, never a join key: how many weeks of its year have ended by this day. #}
{% macro week_num(week_end_date) -%}
    cast({{ whole_division('dayofyear(' ~ week_end_date ~ ') - 1', 7) }} + 1 as bigint)
{%- endmacro %}
