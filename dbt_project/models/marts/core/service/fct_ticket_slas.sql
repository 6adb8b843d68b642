{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

with
stretches as (
    select * from {{ ref('int_sla_clock_stretches') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

-- the stretch in which the limit was reached; for a clock that stayed below it, the last one
deciding as (
    select
        *,
        cast(round(target_minutes * 60000000) as bigint) as target_microseconds
    from stretches
    qualify row_number() over (
        partition by ticket_id, clock, cycle
        order by
            business_microseconds_so_far > cast(round(target_minutes * 60000000) as bigint) desc,
            case when business_microseconds_so_far > cast(round(target_minutes * 60000000) as bigint) then starts_at end,
            starts_at desc
    ) = 1
),

clocks as (
    select
        ticket_id,
        clock,
        cycle,
        min(starts_at) as started_at,
        max(business_microseconds_so_far) as business_microseconds,
        bool_or(is_running) as is_running
    from stretches
    group by ticket_id, clock, cycle
),

limits as (
    select
        deciding.*,
        starts_business_microseconds + target_microseconds - (business_microseconds_so_far - business_microseconds) as due
    from deciding
),

due as (
    {{ with_business_instant('limits', 'calendar', 'due', 'reaches_limit_at') }}
),

judged as (
    select
        due.ticket_id,
        due.clock,
        due.cycle,
        due.policy,
        due.calendar,
        due.target_minutes,
        clocks.started_at,
        due.stopped_at,
        clocks.business_microseconds,
        clocks.is_running,
        clocks.business_microseconds > due.target_microseconds as is_breached,
        -- a clock that stands still will not reach its limit at any known instant
        case when clocks.business_microseconds > due.target_microseconds or clocks.is_running then due.reaches_limit_at end as due_at
    from due
    inner join clocks using (ticket_id, clock, cycle)
),

final as (
    select
        judged.ticket_id || ':' || judged.clock || ':' || judged.cycle as ticket_sla_id,
        judged.ticket_id,
        judged.clock,
        judged.cycle,
        judged.policy,
        judged.calendar,
        tickets.created_priority as priority,
        judged.target_minutes,
        judged.business_microseconds / 60000000.0 as elapsed_minutes,
        judged.started_at,
        judged.stopped_at,
        judged.due_at,
        judged.is_running,
        case
            when judged.is_breached then 'breached'
            when judged.stopped_at is not null then 'met'
            -- ended without a resolution, or an answer that nobody owes any more
            when {{ is_done('tickets.status') }} then 'void'
            else 'undecided'
        end as outcome,
        case
            when judged.is_breached then judged.due_at
            when judged.stopped_at is not null then judged.stopped_at
        end as decided_at
    from judged
    inner join tickets using (ticket_id)
)

select * from final
