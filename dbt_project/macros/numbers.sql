{# numerator / denominator as DOUBLE; null, not an error and not 0, when there is nothing to divide by. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{# Whether two numbers differ by more than the order of a parallel sum can explain; null differs from a number. #}
{% macro differs(old, new) -%}
    (({{ old }} is null) <> ({{ new }} is null) or abs({{ old }} - {{ new }}) > 1e-9 * greatest(1, abs({{ old }}), abs({{ new }})))
{%- endmacro %}
