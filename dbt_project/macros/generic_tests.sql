{#
    primary_key: the columns together name one row, and none of them is null. One query instead of a unique test and a not-null test per column.
    columns_hold: each SQL condition is true of every row; a failing one is named. A null condition counts as held. One scan for all of them.
    Both are asked whenever rows are written, too: see materializations.sql.
#}
{% test primary_key(model, columns) %}
    {{ broken_keys(model, columns) }}
{% endtest %}

{% test columns_hold(model, conditions) %}
    {{ broken_conditions(model, conditions) }}
{% endtest %}

{% macro broken_keys(relation, columns) %}
    select
        cast(row({{ columns | join(', ') }}) as varchar) as broken_key,
        count(*) as row_count
    from {{ relation }}
    group by {{ columns | join(', ') }}
    having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endmacro %}

{% macro broken_conditions(relation, conditions) %}
    select
        broken.condition,
        broken.row_count
    from (
        select unnest([
            {%- for condition in conditions %}
            {'condition': {{ literal(condition) }}, 'row_count': count(*) filter (where not ({{ condition }}))}{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as broken
        from {{ relation }}
    )
    where broken.row_count > 0
{% endmacro %}
