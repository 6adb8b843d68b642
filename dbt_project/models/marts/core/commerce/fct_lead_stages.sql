with
leads as (
    select * from {{ ref('fct_leads') }}
),

stages as (
    select
        date_trunc('month', created_on) as cohort_month,
        channel,
        unnest([
            {'stage_number': 1, 'stage': 'lead', 'is_reached': true, 'is_next_reached': reached_opportunity},
            {'stage_number': 2, 'stage': 'opportunity', 'is_reached': reached_opportunity, 'is_next_reached': reached_offer},
            {'stage_number': 3, 'stage': 'offer', 'is_reached': reached_offer, 'is_next_reached': is_won},
            {'stage_number': 4, 'stage': 'won', 'is_reached': is_won, 'is_next_reached': null}
        ], recursive := true),
        is_lost
    from leads
),

final as (
    select
        cast(cohort_month as date) as cohort_month,
        channel,
        stage_number,
        stage,
        count(*) as lead_count,
        count(*) filter (where is_reached) as reached_count,
        count(*) filter (where is_reached and is_next_reached) as went_on_count,
        count(*) filter (where is_reached and not is_next_reached and is_lost) as lost_count,
        {{ ratio('count(*) filter (where is_reached)', 'count(*)') }} as reached_share,
        case when stage <> 'won' then {{ ratio('count(*) filter (where is_reached and is_next_reached)', 'count(*) filter (where is_reached)') }} end as went_on_share
    from stages
    group by cohort_month, channel, stage_number, stage
)

select * from final
