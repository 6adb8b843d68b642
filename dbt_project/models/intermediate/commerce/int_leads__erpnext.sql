{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
opportunities as (
    select * from {{ ref('stg_erpnext__opportunities') }}
),

lead_changes as (
    select * from {{ ref('int_lead_changes__erpnext') }}
),

entered as (
    select
        source_name,
        opportunity_name,
        {{ lead_stage_instants('entered_at', 'lead_stage') }}
    from lead_changes
    group by source_name, opportunity_name
),

staged as (
    select
        *,
        {{ erpnext_lead_stage('status', 'sales_stage') }} as stage
    from opportunities
    where not is_deleted
),

final as (
    select
        staged.source_name || ':' || staged.opportunity_name as lead_id,
        staged.source_name,
        staged.opportunity_name as lead_number,
        -- a Lead is nobody's customer yet
        case when staged.opportunity_from = 'Customer' then staged.source_name || ':' || staged.party_name end as customer_id,
        staged.owner,
        staged.channel,
        staged.campaign,
        {{ region_of_territory('staged.territory') }} as region,
        staged.created_at,
        entered.opportunity_at as converted_at,
        entered.offer_at as offered_at,
        {%- for stage in ['won', 'lost', 'cancelled'] %}
        case when staged.stage = '{{ stage }}' then coalesce(entered.{{ stage }}_at, staged.changed_at) end as {{ stage }}_at,
        {%- endfor %}
        staged.lost_reason,
        staged.stage,
        staged.amount as amount_stated,
        staged.currency
    from staged
    left join entered
        on staged.source_name = entered.source_name
        and staged.opportunity_name = entered.opportunity_name
)

select * from final
