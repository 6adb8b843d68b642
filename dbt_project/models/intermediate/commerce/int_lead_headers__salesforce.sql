{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
leads as (
    select * from {{ ref('stg_salesforce__leads') }}
    where not is_deleted
),

opportunities as (
    select * from {{ ref('stg_salesforce__opportunities') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('stg_salesforce__accounts') }}
    where not is_deleted
),

campaign_members as (
    select * from {{ ref('stg_salesforce__campaign_members') }}
),

first_campaigns as (
    select
        source_name,
        lead_id,
        arg_min(campaign_id, (created_at, campaign_id)) as campaign_id
    from campaign_members
    where not is_deleted and lead_id is not null
    group by source_name, lead_id
),

-- several leads may be converted into one opportunity: the first of them began it
origins as (
    select *
    from leads
    where is_converted and opportunity_id is not null
    qualify row_number() over (partition by source_name, opportunity_id order by created_at, lead_id) = 1
),

-- who is not converted may be a customer already, if the organisation numbers them
numbered as (
    select
        source_name,
        customer_number,
        min(account_id) as account_id
    from accounts
    where customer_number is not null
    group by source_name, customer_number
),

told as (
    select
        opportunities.source_name,
        coalesce('lead:' || origins.lead_id, 'opportunity:' || opportunities.opportunity_id) as lead_key,
        coalesce(opportunities.lead_number, opportunities.opportunity_id) as lead_number,
        'opportunity' as object,
        opportunities.stage,
        opportunities.account_id,
        cast(null as varchar) as country,
        opportunities.owner_id,
        coalesce(opportunities.lead_source, origins.lead_source) as lead_source,
        coalesce(opportunities.campaign_id, first_campaigns.campaign_id) as campaign_id,
        least(opportunities.created_at, origins.created_at) as created_at,
        opportunities.closes_on,
        opportunities.lost_reason,
        opportunities.amount,
        opportunities.currency
    from opportunities
    left join origins
        on opportunities.source_name = origins.source_name
        and opportunities.opportunity_id = origins.opportunity_id
    left join first_campaigns
        on origins.source_name = first_campaigns.source_name
        and origins.lead_id = first_campaigns.lead_id
    union all by name
    select
        leads.source_name,
        'lead:' || leads.lead_id as lead_key,
        coalesce(leads.lead_number, leads.lead_id) as lead_number,
        'lead' as object,
        leads.status as stage,
        coalesce(leads.account_id, numbered.account_id) as account_id,
        leads.country,
        leads.owner_id,
        leads.lead_source,
        first_campaigns.campaign_id,
        leads.created_at,
        cast(null as date) as closes_on,
        leads.lost_reason,
        leads.amount,
        leads.currency
    from leads
    left join numbered
        on leads.source_name = numbered.source_name
        and leads.customer_number = numbered.customer_number
    left join first_campaigns
        on leads.source_name = first_campaigns.source_name
        and leads.lead_id = first_campaigns.lead_id
    -- an opportunity stands for the leads that it was made of
    where not leads.is_converted
),

final as (
    select
        told.* exclude (country, account_id),
        accounts.account_id,
        accounts.customer_number,
        coalesce(accounts.country, told.country) as country,
        accounts.created_at as customer_created_at
    from told
    left join accounts
        on told.source_name = accounts.source_name
        and told.account_id = accounts.account_id
)

select * from final
