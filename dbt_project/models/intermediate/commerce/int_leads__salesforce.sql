{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
headers as (
    select * from {{ ref('int_lead_headers__salesforce') }}
),

stage_changes as (
    select * from {{ ref('int_lead_stage_changes__salesforce') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__salesforce') }}
),

users as (
    select * from {{ ref('stg_salesforce__users') }}
),

campaigns as (
    select * from {{ ref('stg_salesforce__campaigns') }}
),

entered as (
    select
        source_name,
        lead_key,
        {{ lead_stage_instants('entered_at', 'lead_stage') }}
    from stage_changes
    group by source_name, lead_key
),

final as (
    select
        headers.source_name || ':' || headers.lead_key as lead_id,
        headers.source_name,
        headers.lead_number,
        headers.source_name || ':' || headers.account_id as customer_id,
        users.email as owner,
        lower(headers.lead_source) as channel,
        campaigns.name as campaign,
        {{ region_of_country_code('headers.country') }} as region,
        headers.created_at,
        entered.opportunity_at as converted_at,
        entered.offer_at as offered_at,
        {%- for stage in ['won', 'lost', 'cancelled'] %}
        case
            when lead_stages.lead_stage = '{{ stage }}'
                then coalesce(entered.{{ stage }}_at, {{ end_of_local_day('headers.closes_on', 'null') }} - interval 1 second)
        end as {{ stage }}_at,
        {%- endfor %}
        headers.lost_reason,
        lead_stages.lead_stage as stage,
        headers.amount as amount_stated,
        -- only an organisation with several currencies has the field
        coalesce(headers.currency, {{ reporting_currency() }}) as currency
    from headers
    left join lead_stages
        on headers.source_name = lead_stages.source_name
        and headers.object = lead_stages.object
        and headers.stage = lead_stages.stage
    left join entered
        on headers.source_name = entered.source_name
        and headers.lead_key = entered.lead_key
    left join users
        on headers.source_name = users.source_name
        and headers.owner_id = users.user_id
        and not users.is_deleted
    left join campaigns
        on headers.source_name = campaigns.source_name
        and headers.campaign_id = campaigns.campaign_id
        and not campaigns.is_deleted
)

select * from final
