with
concerned as (
    {{ from_all_kinds('int_changed_tickets', ['erpnext', 'freshdesk', 'hubspot', 'odoo', 'request_tracker', 'salesforce', 'servicenow', 'zendesk'], {'ticket_id': 'varchar'}) }}
),

tickets_as_built as (
    {{ as_built('fct_tickets', {'ticket_id': 'varchar', 'status': 'varchar', 'sla_met': 'boolean', 'sla_decided_at': 'timestamp'}, schema='marts') }}
),

teams as (
    select * from {{ ref('stg_files__teams') }}
),

policies as (
    select * from {{ ref('stg_files__sla_policies') }}
),
{%- if has_kind('zendesk') %}

schedules as (
    select batch_id from {{ ref('stg_zendesk__schedules') }}
    union all
    select batch_id from {{ ref('stg_zendesk__schedule_holidays') }}
),
{%- endif %}

-- the clocks of what is open run on, and every ticket is seen through the teams, the promises and the hours
found as (
    select ticket_id from concerned
    union
    select ticket_id from tickets_as_built
    where not {{ is_done('status') }}
        or {{ has_landed_tonight('teams') }}
        or {{ has_landed_tonight('policies') }}
        {%- if has_kind('zendesk') %}
        or {{ has_landed_tonight('schedules') }}
        {%- endif %}
),

-- nobody asks when everything is worked out anyway
final as (
    select * from found
    where not {{ works_all_out() }}
)

select * from final
