{# Fails with every row for which the rule is not true; a rule that comes out NULL is not true. #}
{% test row_rule(model, rule) %}

select *
from {{ model }}
where ({{ rule }}) is distinct from true

{% endtest %}
