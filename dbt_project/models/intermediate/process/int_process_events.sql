{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='case_id',
    meta={'changed': 'int_changed_cases', 'also': "process = 'lead'"}) }}

with
orders as (
    select * from {{ ref('int_orders') }}
    where {{ only_changed('int_changed_cases', 'order_id', 'case_id') }}
),

ticket_events as (
    select * from {{ ref('int_ticket_events') }}
    where {{ only_changed('int_changed_cases', 'ticket_id', 'case_id') }}
),

lead_events as (
    select * from {{ ref('int_lead_events') }}
),

-- several in one second happen in the order in which they must
order_steps as (
    {%- for activity, account in [
        ('placed', 'placed_by'), ('confirmed', 'confirmed_by'), ('picked', 'picked_by'), ('packed', 'packed_by'), ('shipped', 'shipped_by'),
        ('delivered', 'delivered_by'), ('cancelled', 'null'),
    ] %}
    select 'order' as process, order_id as case_id, '{{ activity }}' as activity, {{ activity }}_at as event_at, {{ loop.index }} as sequence,
        case when not {{ is_robot_account(account) }} then {{ account }} end as person
    from orders
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ticket_steps as (
    select
        'ticket' as process,
        ticket_id as case_id,
        case
            when event_kind = 'created' then 'created'
            when event_kind = 'assignee' then 'assigned'
            when event_kind = 'public_reply' then 'answered'
            when {{ is_done('to_value') }} then 'solved'
            else 'reopened'
        end as activity,
        event_at,
        sequence,
        case when actor_kind = 'agent' then actor end as person
    from ticket_events
    where event_kind = 'created'
        or (event_kind = 'assignee' and to_value is not null)
        or (event_kind = 'public_reply' and actor_kind = 'agent')
        or (event_kind = 'status' and coalesce({{ is_done('to_value') }}, false) <> coalesce({{ is_done('from_value') }}, false))
),

-- a conversation is no rework: of its answers the first counts
first_answers as (
    select *
    from ticket_steps
    qualify activity <> 'answered' or row_number() over (partition by case_id, activity order by event_at, sequence) = 1
),

lead_steps as (
    select
        'lead' as process,
        lead_id as case_id,
        to_stage as activity,
        event_at,
        0 as sequence,
        cast(null as varchar) as person
    from lead_events
    where to_stage is not null
),

every_step as (
    select process, case_id, activity, event_at, sequence, person from order_steps
    union all
    select process, case_id, activity, event_at, sequence, person from first_answers
    union all
    select process, case_id, activity, event_at, sequence, person from lead_steps
),

followed as (
    select
        process,
        case_id,
        activity,
        event_at,
        row_number() over one_case as position,
        person,
        lead(activity) over one_case as next_activity,
        lead(event_at) over one_case as next_at,
        first_value(event_at) over one_case as case_began_at
    from every_step
    where event_at < {{ end_of_as_of() }}
    window one_case as (partition by process, case_id order by event_at, sequence, activity)
),

-- the map of all cases is drawn every night: what is told here of a case need not be found again among all
final as (
    select
        *,
        row_number() over (partition by process, case_id, activity, next_activity order by position) = 1 as is_first_passage
    from followed
)

select * from final
