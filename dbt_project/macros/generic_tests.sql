{#
    primary_key: the columns together name one row, and none of them is null. One query instead of a unique test and a not-null test
    per column: a test costs about 40 ms a night whatever it looks at.
#}
{% test primary_key(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ rows_to_test(model) }}
    group by all
    having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}

{#
    columns_hold: each SQL condition is true of every row; a failing one is named. A null condition counts as held. One scan for all of them.
#}
{% test columns_hold(model, conditions) %}
    select
        broken.condition,
        broken.row_count
    from (
        select unnest([
            {%- for condition in conditions %}
            {'condition': {{ literal(condition) }}, 'row_count': count(*) filter (where not ({{ condition }}))}{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as broken
        from {{ rows_to_test(model) }}
    )
    where broken.row_count > 0
{% endtest %}

{#
    What a test must look at tonight. Rows that were tested before and have not been touched since are as good as they were, so on a night that
    keeps what has not changed these are the rows put anew: of a `replace_changed` model those of changed entities, of a staging model those whose
    record landed (and whatever else has its key). Everything, on every other occasion.
#}
{% macro rows_to_test(relation) -%}
    {%- set tested = graph.nodes.get(model.attached_node) if execute and built_as_of() and not flags.FULL_REFRESH else none -%}
    {%- set key = tested.config.unique_key if tested is not none else none -%}
    {%- if tested is none -%}
        {{ relation }}
    {%- elif tested.config.incremental_strategy == 'replace_changed' -%}
        (
            select * from {{ relation }}
            where {{ key }} in (select {{ key }} from {{ relation.incorporate(path={'schema': 'intermediate', 'identifier': tested.config.meta.changed}) }})
                {{- ' or ' ~ tested.config.meta.also if tested.config.meta.also }}
        )
    {%- elif tested.config.materialized == 'incremental' and tested.config.schema == 'staging' -%}
        (
            select * from {{ relation }}
            where ({{ key | join(', ') }}) in (
                select {{ key | join(', ') }} from {{ relation }}
                where batch_id in (select batch_id from {{ relation.incorporate(path={'identifier': 'stg_meridian__new_batches'}) }})
            )
        )
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
