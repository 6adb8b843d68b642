{# Whether a ticket is a suggestion for improvement: it lies in a queue, or carries a tag, that the company agreed on (`company.suggestions`). #}
{% macro is_suggestion(team, labels) -%}
    (
        list_contains({{ list_of_names('suggestions') }}, lower({{ team }}))
        or coalesce(list_has_any({{ list_of_names('suggestions') }}, list_transform({{ labels }}, lambda label: lower(label))), false)
    )
{%- endmacro %}
