{#
    A night works out again only what may have changed, and keeps the rest as it is. What may have changed is one model per entity
    (int_changed_tickets, int_changed_orders); what depends on one entity alone is an incremental model that takes the changed ones out
    and puts them back anew:

        {{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}
        ...
        select * from {{ ref('int_ticket_events') }}
        where {{ only_changed('int_changed_tickets', 'ticket_id') }}

    With --full-refresh everything has changed. The nightly run asks for that whenever it cannot vouch for the difference: another day than
    one after the last, other settings, other SQL (flows/store/warehouse.py).

    A mapping model (int_<entity>__<kind>) holds tonight's changed ones only; the canonical model that unions them holds all.
#}

{# Whether nothing may be left as it is. A unit test gives every row it means. #}
{% macro works_all_out() -%}
    {{- return(flags.FULL_REFRESH or model.resource_type == 'unit_test') -}}
{%- endmacro %}

{# Condition: `key` (an SQL expression) names a changed entity. `column`: what the key is called in the model that lists the changed ones. #}
{% macro only_changed(changed, key, column=none) -%}
    {{- among_changed(changed, key, column or key.split('.')[-1]) -}}
{%- endmacro %}

{#
    The same for a table that has the two parts of such a key, the source and its number (a text): to put them together for each of many rows takes half as
    long again.
#}
{% macro only_changed_numbers(changed, column, number) -%}
    {{- among_changed(changed, '(source_name, ' ~ number ~ ')', "split_part(" ~ column ~ ", ':', 1), substr(" ~ column ~ ", strpos(" ~ column ~ ", ':') + 1)") -}}
{%- endmacro %}

{% macro among_changed(changed, key, changed_keys) -%}
    {%- if model.resource_type != 'unit_test' -%}
        {%- set relation = ref(changed) -%}
    {%- endif -%}
    {%- if works_all_out() -%}
        true
    {%- else -%}
        {{ key }} in (select {{ changed_keys }} from {{ relation }})
    {%- endif -%}
{%- endmacro %}

{# Condition: the row came with a batch that no finished build has taken in. #}
{% macro landed_tonight(column='batch_id') -%}
    {{ column }} in (select batch_id from {{ ref('stg_meridian__new_batches') }})
{%- endmacro %}

{# The same, where nothing else picks the rows: every row when everything is worked out. #}
{% macro landed_tonight_or_all(column='batch_id') -%}
    {%- set condition = landed_tonight(column) -%}
    {{ 'true' if works_all_out() else condition }}
{%- endmacro %}

{# Whether any row of `relation` came tonight: then what looks names up in it is worked out again as a whole. #}
{% macro has_landed_tonight(relation) -%}
    exists (select 1 from {{ relation }} where {{ landed_tonight() }})
{%- endmacro %}

{#
    A table as the last build left it, for comparison; empty when there is none. Not a `ref`, because the table depends on the model that asks.
    columns: name → type. Models of the folder as_built/ are such tables, made for this; a mart is asked for by its schema.
#}
{% macro as_built(name, columns, schema='as_built') -%}
    {%- set relation = adapter.get_relation(database=target.database, schema=schema, identifier=name) if execute and not works_all_out() else none -%}
    {%- if relation is not none -%}
        select {{ columns | join(', ') }} from {{ relation }}
    {%- else -%}
        select {% for column, type in columns.items() %}cast(null as {{ type }}) as {{ column }}{{ ', ' if not loop.last }}{% endfor %} where false
    {%- endif -%}
{%- endmacro %}

{#
    The rows of `relation` that came tonight, or tell of an instant that the last finished build left out because it lay after its day. `instant`: an
    SQL expression. Two questions and no `or`: each leaves most blocks of the table unread, both together read every row. `relation`: a ref, as what is
    imported once and read twice is laid down whole first.
#}
{% macro happened_since(relation, columns, instant, also='true') -%}
    select {{ columns }} from {{ relation }} where {{ landed_tonight() }} and {{ also }}
    union
    select {{ columns }} from {{ relation }} where {{ instant }} >= {{ end_of_last_build() }} and {{ also }}
{%- endmacro %}

{# The instant at which the last finished build's day ended; where nobody says, so early that everything came after it. #}
{% macro end_of_last_build() -%}
    {%- set day = built_as_of() -%}
    {{- end_of_day("date '" ~ day ~ "'") if day else "timestamp '0001-01-01'" -}}
{%- endmacro %}
