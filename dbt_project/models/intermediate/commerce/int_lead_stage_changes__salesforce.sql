{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
leads as (
    select * from {{ ref('stg_salesforce__leads') }}
),

lead_changes as (
    select * from {{ ref('stg_salesforce__lead_changes') }}
),

opportunities as (
    select * from {{ ref('stg_salesforce__opportunities') }}
),

opportunity_stage_changes as (
    select * from {{ ref('stg_salesforce__opportunity_stage_changes') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__salesforce') }}
),

-- one and the same after its conversion: the lead's id stays
followed as (
    select
        opportunities.source_name,
        opportunities.opportunity_id,
        coalesce('lead:' || leads.lead_id, 'opportunity:' || opportunities.opportunity_id) as lead_key
    from opportunities
    left join leads
        on opportunities.source_name = leads.source_name
        and opportunities.opportunity_id = leads.opportunity_id
        and leads.is_converted
        and not leads.is_deleted
    where not opportunities.is_deleted
    qualify row_number() over (partition by opportunities.source_name, opportunities.opportunity_id order by leads.created_at, leads.lead_id) = 1
),

-- A converted lead is told of by its opportunity, which is made in the same instant.
final as (
    select
        lead_changes.source_name,
        'lead:' || lead_changes.lead_id as lead_key,
        lead_changes.changed_at as entered_at,
        lead_stages.lead_stage
    from lead_changes
    inner join lead_stages
        on lead_changes.source_name = lead_stages.source_name
        and lead_stages.object = 'lead'
        and lead_changes.new_value = lead_stages.stage
    where not lead_changes.is_deleted and lead_changes.field = 'Status' and lead_stages.lead_stage <> 'opportunity'
    union all
    select
        followed.source_name,
        followed.lead_key,
        opportunity_stage_changes.entered_at,
        lead_stages.lead_stage
    from opportunity_stage_changes
    inner join followed
        on opportunity_stage_changes.source_name = followed.source_name
        and opportunity_stage_changes.opportunity_id = followed.opportunity_id
    inner join lead_stages
        on opportunity_stage_changes.source_name = lead_stages.source_name
        and lead_stages.object = 'opportunity'
        and opportunity_stage_changes.stage = lead_stages.stage
    where not opportunity_stage_changes.is_deleted
)

select * from final
