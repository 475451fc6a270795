{# Airbyte lands numeric(7,2) as a 64-bit float; the cast rounds to the cent, which gives back the number sent. #}
{% macro money(amount, type='decimal(15, 2)') -%}
    cast({{ amount }} as {{ type }})
{%- endmacro %}


{#
    One count over another, rounded half up to six decimals, NULL over zero. Whole numbers all the way: of the million
    fractions k / d with both up to 1000, DuckDB's floating point rounds 7 ties the wrong way (41 / 640 = 0.0640625).
#}
{% macro ratio(numerator, denominator) -%}
    cast(
        cast(
            {{ whole_division('2000000 * (' ~ numerator ~ ') + (' ~ denominator ~ ')', '2 * (' ~ denominator ~ ')') }}
            as decimal(18, 0)
        ) * 0.000001 as decimal(18, 6)
    )
{%- endmacro %}
