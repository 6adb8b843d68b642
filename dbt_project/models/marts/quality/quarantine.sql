with
quarantined as (
    select * from {{ ref('int_quarantined_rows') }}
),

previous_kpis as (
    select * from {{ ref('stg_meridian__previous_kpis') }}
),

previous_quarantine as (
    select * from {{ ref('stg_meridian__previous_quarantine') }}
),

reasons as (
    {%- for reason, words in bad_row_words().items() %}
    select '{{ reason }}' as reason, {{ literal(words[0]) }} as reason_en, {{ literal(words[1]) }} as reason_zh
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        quarantined.entity || '/' || quarantined.source_name || '/' || quarantined.row_key || '/' || quarantined.reason as quarantine_key,
        quarantined.source_name,
        quarantined.entity,
        quarantined.row_key,
        quarantined.reason,
        reasons.reason_en,
        reasons.reason_zh,
        quarantined.is_left_out,
        quarantined.offending,
        quarantined.row_day,
        -- what the very first version finds has been there for nobody knows how long
        case
            when previous_quarantine.row_key is not null then previous_quarantine.first_seen_on
            when exists (select 1 from previous_kpis) then {{ as_of() }}
        end as first_seen_on,
        {{ as_of() }} as as_of
    from quarantined
    inner join reasons
        on quarantined.reason = reasons.reason
    left join previous_quarantine
        on quarantined.source_name = previous_quarantine.source_name
        and quarantined.entity = previous_quarantine.entity
        and quarantined.row_key = previous_quarantine.row_key
        and quarantined.reason = previous_quarantine.reason
)

select * from final
