{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
deals as (
    select * from {{ ref('stg_hubspot__deals') }}
),

stage_changes as (
    select * from {{ ref('stg_hubspot__deal_stage_changes') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__hubspot') }}
),

lead_customers as (
    select * from {{ ref('int_lead_customers__hubspot') }}
),

owners as (
    select * from {{ ref('stg_hubspot__owners') }}
),

campaigns as (
    select * from {{ ref('stg_hubspot__campaigns') }}
),

campaign_names as (
    select
        source_name,
        utm_campaign,
        min(name) as name
    from campaigns
    where not is_deleted and utm_campaign is not null
    group by source_name, utm_campaign
),

entered as (
    select
        stage_changes.source_name,
        stage_changes.deal_number,
        min(stage_changes.entered_at) as first_at,
        {{ lead_stage_instants('stage_changes.entered_at', 'lead_stages.lead_stage') }}
    from stage_changes
    left join lead_stages
        on stage_changes.source_name = lead_stages.source_name
        and stage_changes.stage = lead_stages.stage
    where not stage_changes.is_deleted
    group by stage_changes.source_name, stage_changes.deal_number
),

sourced as (
    select
        *,
        {{ hubspot_channel('original_source', 'original_source_detail_1') }} as channel,
        {{ hubspot_campaign('original_source', 'original_source_detail_1', 'original_source_detail_2') }} as utm_campaign
    from deals
    where not is_deleted
),

final as (
    select
        sourced.source_name || ':' || sourced.deal_number as lead_id,
        sourced.source_name,
        sourced.deal_name as lead_number,
        lead_customers.customer_id,
        owners.email as owner,
        sourced.channel,
        coalesce(campaign_names.name, sourced.utm_campaign) as campaign,
        {{ region_of_country_code('lead_customers.country') }} as region,
        -- the day of creation may be edited; a lead was there when it entered its first stage
        least(sourced.created_at, entered.first_at) as created_at,
        entered.opportunity_at as converted_at,
        entered.offer_at as offered_at,
        {%- for stage in ['won', 'lost', 'cancelled'] %}
        case when lead_stages.lead_stage = '{{ stage }}' then coalesce(entered.{{ stage }}_at, sourced.closed_at) end as {{ stage }}_at,
        {%- endfor %}
        sourced.lost_reason,
        lead_stages.lead_stage as stage,
        sourced.amount as amount_stated,
        sourced.currency
    from sourced
    left join lead_stages
        on sourced.source_name = lead_stages.source_name
        and sourced.stage = lead_stages.stage
    left join entered
        on sourced.source_name = entered.source_name
        and sourced.deal_number = entered.deal_number
    left join lead_customers
        on sourced.source_name = lead_customers.source_name
        and sourced.deal_number = lead_customers.deal_number
    left join owners
        on sourced.source_name = owners.source_name
        and sourced.owner_number = owners.owner_number
        and not owners.is_deleted
    left join campaign_names
        on sourced.source_name = campaign_names.source_name
        and sourced.utm_campaign = campaign_names.utm_campaign
)

select * from final
