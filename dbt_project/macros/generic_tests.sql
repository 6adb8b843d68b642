{#
    primary_key: the columns together name one row, and none of them is null. One query instead of a unique test and a not-null test
    per column: a test costs about 40 ms a night whatever it looks at.
#}
{% test primary_key(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
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
        from {{ model }}
    )
    where broken.row_count > 0
{% endtest %}
