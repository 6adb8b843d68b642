{# numerator / denominator as DOUBLE; null, not an error and not 0, when there is nothing to divide by. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{# Whether two numbers differ by more than the order of a parallel sum can explain; null differs from a number. #}
{% macro differs(old, new) -%}
    (({{ old }} is null) <> ({{ new }} is null) or abs({{ old }} - {{ new }}) > 1e-9 * greatest(1, abs({{ old }}), abs({{ new }})))
{%- endmacro %}

{#
    A bound of Wilson's score interval for `hits` of `trials` (Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22):
    with z = 1.645 the true rate is beyond it in one case of twenty. which: lower or upper. Null without trials.
#}
{% macro wilson_bound(hits, trials, which, z=1.645) -%}
    (({{ ratio(hits, trials) }} + {{ z * z / 2 }} / nullif({{ trials }}, 0) {{ '-' if which == 'lower' else '+' }} {{ z }} * sqrt(
        {{ ratio(hits, trials) }} * (1 - {{ ratio(hits, trials) }}) / nullif({{ trials }}, 0) + {{ z * z / 4 }} / (nullif({{ trials }}, 0) * {{ trials }})
    )) / (1 + {{ z * z }} / nullif({{ trials }}, 0)))
{%- endmacro %}
