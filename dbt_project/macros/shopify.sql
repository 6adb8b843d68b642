{# The number in a global id of Shopify: gid://shopify/Order/1001 → 1001. #}
{% macro shopify_number(gid) -%}
    try_cast(regexp_extract({{ gid }}, '/(\d+)(?:\?.*)?$', 1) as bigint)
{%- endmacro %}

{# Whose fault it was that money went back, by the words of the note; null where they do not say. #}
{% macro fault_in_words(note) -%}
    case
        when regexp_matches(lower({{ note }}), 'damag|broken|defect|faulty|wrong|missing|not as described') then true
        when regexp_matches(lower({{ note }}), 'changed (his |her |their )?mind|unwanted|not wanted|too (small|large|big)|ordered by mistake') then false
    end
{%- endmacro %}
