with
leads as (
    select * from {{ ref('fct_leads') }}
),

steps as (
    select * from (values (1, 'lead'), (2, 'opportunity'), (3, 'offer'), (4, 'won')) as stated (stage_number, stage)
),

stages as (
    select
        date_trunc('month', leads.created_on) as cohort_month,
        leads.channel,
        steps.stage_number,
        steps.stage,
        case steps.stage
            when 'lead' then true
            when 'opportunity' then leads.reached_opportunity
            when 'offer' then leads.reached_offer
            else leads.is_won
        end as is_reached,
        case steps.stage
            when 'lead' then leads.reached_opportunity
            when 'opportunity' then leads.reached_offer
            when 'offer' then leads.is_won
        end as is_next_reached,
        leads.is_lost
    from leads
    cross join steps
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
