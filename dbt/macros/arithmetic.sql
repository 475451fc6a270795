{# Airbyte lands numeric(7,2) as a 64-bit float; rounding to the cent gives back the number that was sent. #}
{% macro money(amount, type='decimal(15, 2)') -%}
    cast(round({{ amount }}, 2) as {{ type }})
{%- endmacro %}


{# How many whole times one count goes into another; neither may be negative, a zero divisor gives NULL. #}
{% macro whole_division(dividend, divisor) -%}
    {{ return(adapter.dispatch('whole_division', 'shelfgate')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__whole_division(dividend, divisor) -%}
    (({{ dividend }}) // nullif({{ divisor }}, 0))
{%- endmacro %}

{# Snowflake divides to six decimals and rounds; taking the remainder away first leaves nothing to round. #}
{% macro snowflake__whole_division(dividend, divisor) -%}
    ((({{ dividend }}) - mod(({{ dividend }}), nullif({{ divisor }}, 0))) / nullif({{ divisor }}, 0))
{%- endmacro %}


{#
    One count over another, rounded half up to six decimals, NULL over zero. Whole numbers all the way: DuckDB divides
    in floating point, where 1 / 128 = 0.0078125 may fall on either side of its tie and two engines would disagree.
#}
{% macro ratio(numerator, denominator) -%}
    cast(
        cast(
            {{ whole_division('2000000 * (' ~ numerator ~ ') + (' ~ denominator ~ ')', '2 * (' ~ denominator ~ ')') }}
            as decimal(18, 0)
        ) * 0.000001 as decimal(18, 6)
    )
{%- endmacro %}
