with
concerned as (
    {{ from_all_kinds('int_changed_tickets', ['request_tracker', 'salesforce', 'servicenow', 'zendesk'], {'ticket_id': 'varchar'}) }}
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

-- the clocks of what is open run on, and every ticket is seen through the teams and the promises
found as (
    select ticket_id from concerned
    union
    select ticket_id from tickets_as_built
    where not {{ is_done('status') }}
        or {{ has_landed_tonight('teams') }}
        or {{ has_landed_tonight('policies') }}
),

-- nobody asks when everything is worked out anyway
final as (
    select * from found
    where not {{ works_all_out() }}
)

select * from final
