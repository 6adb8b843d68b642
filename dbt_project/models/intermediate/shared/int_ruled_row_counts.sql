with
{%- for one in ruled_entities() %}
{{ one.entity }}_rows as (
    select * from {{ ref(one.model) }}
    where {{ is_known_by_as_of(one.day, one.instant) }}{{ ' and not is_deleted' if one.is_register }}
),
{% endfor %}
final as (
    {%- for one in ruled_entities() %}
    select source_name, '{{ one.entity }}' as entity, count(*) as rows_in from {{ one.entity }}_rows group by source_name
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
