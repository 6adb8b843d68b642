with
kpis as (
    select * from {{ ref('kpis') }}
),

weeks as (
    select
        segment as campaign,
        period_start,
        value,
        numerator as margin,
        denominator as spend,
        row_number() over (partition by segment order by period_start desc) as weeks_back
    from kpis
    where kpi = 'channel_roi'
        and period_grain = 'week'
        and segment_type = 'campaign'
        and segment <> 'none'
        and not is_provisional
),

latest as (
    select
        campaign,
        sum(margin) as margin,
        sum(spend) as spend,
        max(period_start) as last_week,
        count(*) filter (where value < 1 and spend > 0) as losing_weeks
    from weeks
    where weeks_back <= {{ worklist_limit('losing_weeks') }}
    group by campaign
),

losing as (
    select
        *,
        margin / spend as return_on_spend
    from latest
    where losing_weeks = {{ worklist_limit('losing_weeks') }}
),

final as (
    {{ worklist(
        'losing_campaigns', 'losing', key='campaign', subject='campaign',
        evidence_en="'Margin ' || cast(round(margin) as bigint) || ' on spend ' || cast(round(spend) as bigint)
            || ' in the last " ~ worklist_limit('losing_weeks') ~ " weeks: ' || round(return_on_spend, 2)",
        evidence_zh="'最近 " ~ worklist_limit('losing_weeks') ~ " 周:毛利 ' || cast(round(margin) as bigint)
            || ',花费 ' || cast(round(spend) as bigint) || ',回报 ' || round(return_on_spend, 2)",
        owner='marketing_lead', due_at='last_week + 14', severity="'act'", value='return_on_spend', threshold='1', more=['campaign', 'spend', 'margin']
    ) }}
)

select * from final
