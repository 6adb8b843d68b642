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

{# columns_hold: each SQL condition is true of every row; the failing condition is named. A null condition counts as held. #}
{% test columns_hold(model, conditions) %}
    {% for condition in conditions %}
    select
        '{{ condition | replace("'", "''") }}' as broken_condition,
        count(*) as row_count
    from {{ model }}
    where not ({{ condition }})
    having count(*) > 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endtest %}
