with
changed_orders as (
    select * from {{ ref('int_changed_orders') }}
),

changed_tickets as (
    select * from {{ ref('int_changed_tickets') }}
),

procedures as (
    select * from {{ ref('stg_files__procedures') }}
),

cases_as_built as (
    {{ as_built('int_process_cases', {'case_id': 'varchar'}, schema='intermediate') }}
),

-- every case is seen through the procedures; leads are few and none of these: they are worked out every night
found as (
    select order_id as case_id from changed_orders
    union
    select ticket_id as case_id from changed_tickets
    union
    select case_id from cases_as_built
    where {{ has_landed_tonight('procedures') }}
),

-- nobody asks when everything is worked out anyway
final as (
    select * from found
    where not {{ works_all_out() }}
)

select * from final
