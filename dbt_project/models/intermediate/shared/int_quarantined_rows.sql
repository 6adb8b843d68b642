-- The rules are asked together before each alone: ten million rows, of which a few are bad, are read once instead of once a rule.
with
{%- for one in ruled_entities() %}
{{ one.entity }}_rows as (
    select * from {{ ref(one.model) }}
    where ({{ bad_row_rules(one.entity) | map(attribute='is_bad') | join(') or (') }}){{ ' and not is_deleted' if one.is_register }}
),
{% endfor %}
found as (
    {%- for one in ruled_entities() %}
    {{ quarantined_rows(one.entity, one.entity ~ '_rows', one.key, one.day) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select * from found
    where {{ is_known_by_as_of('row_day') }}
)

select * from final
