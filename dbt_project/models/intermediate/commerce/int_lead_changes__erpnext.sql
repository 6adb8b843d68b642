{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
changes as (
    select * from {{ ref('stg_erpnext__changes') }}
),

told as (
    select
        source_name,
        document_name as opportunity_name,
        changed_at as entered_at,
        case field
            when 'sales_stage' then {{ erpnext_sales_stage('new_value') }}
            -- an open one is as far as its sales stage
            when 'status' then nullif({{ erpnext_lead_stage('new_value', 'cast(null as varchar)') }}, 'lead')
        end as lead_stage
    from changes
    where not is_deleted and doctype = 'Opportunity' and field in ('status', 'sales_stage')
),

final as (
    select distinct * from told
    where lead_stage is not null
)

select * from final
