{#
    Kinds of sources. A company has three or four of the kinds that Meridian reads; the models of the others are switched off, because every
    model costs 40 ms a night whether it has rows or not. The nightly run says which kinds there are (MERIDIAN_KINDS, ',tryton,zendesk,');
    where nobody says, all are on.
#}
{% macro has_kind(kind) -%}
    {{- return((',' ~ kind ~ ',') in kinds_that_are_on(',' ~ kind ~ ',')) -}}
{%- endmacro %}

{#
    The rows of one entity from all kinds of sources that are on: select * from int_<entity>__<kind> ... columns: name → type, the shape that
    every mapping model has; with no kind on it is what remains.
#}
{% macro from_all_kinds(entity, kinds, columns) -%}
    select
        {%- for column, type in columns.items() %}
        cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
    {%- for kind in kinds if has_kind(kind) %}
    union all by name
    select {{ columns | join(', ') }} from {{ ref(entity ~ '__' ~ kind) }}
    {%- endfor %}
{%- endmacro %}
