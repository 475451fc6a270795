{# dbt's own version would prefix every schema with the target's: `candidate` must be `candidate` on every engine. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
