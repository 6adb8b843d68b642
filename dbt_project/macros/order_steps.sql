{# The steps of an order that somebody, or something, does in a system, in their order; <step>_at is when, <step>_by is whose account it was. #}
{% macro order_steps() -%}
    {{- return(['placed', 'confirmed', 'picked', 'packed', 'shipped', 'delivered']) -}}
{%- endmacro %}

{# '<source>:<number>' of a user; of `system`, the number under which the software itself works, '<source>:system'. #}
{% macro account(source_name, user_number, system) -%}
    {{ source_name }} || ':' || case when {{ user_number }} = {{ system }} then 'system' else cast({{ user_number }} as varchar) end
{%- endmacro %}

{#
    Whether no person was at it: the software itself, accounts that Meridian writes with, and those that the company declares (`company.robots`, written
    as '<source>:<number or name>'). Null where the source does not tell whose account it was.
#}
{% macro is_robot_account(account) -%}
    (
        split_part({{ account }}, ':', 2) = 'system'
        or starts_with(lower(split_part({{ account }}, ':', 2)), 'meridian')
        or list_contains({{ list_of_names('robots') }}, lower({{ account }}))
    )
{%- endmacro %}
