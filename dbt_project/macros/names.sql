{# Schemas are called what they are called in dbt_project.yml: no target prefix, there is one warehouse per deployment. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name is not none else target.schema }}
{%- endmacro %}
