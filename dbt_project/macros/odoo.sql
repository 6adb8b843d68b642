{# A text of Odoo, which says `false` where there is none. (What is no text is null by its cast.) #}
{% macro told(text) -%}
    nullif({{ text }}, 'false')
{%- endmacro %}
