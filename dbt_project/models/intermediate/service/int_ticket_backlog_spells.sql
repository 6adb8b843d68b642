{{ config(materialized='incremental', incremental_strategy='replace_changed', unique_key='ticket_id', meta={'changed': 'int_changed_tickets'}) }}

-- Open work in days, cut wherever something changes that the backlog is split by: team, priority, age.
{% set buckets = [('0-1 days', 0, 1), ('2-3 days', 2, 3), ('4-7 days', 4, 7), ('8-30 days', 8, 30), ('31+ days', 31, none)] %}

with
states as (
    select * from {{ ref('int_ticket_states') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

tickets as (
    select * from {{ ref('int_tickets') }}
    where {{ only_changed('int_changed_tickets', 'ticket_id') }}
),

open_days as (
    select
        states.ticket_id,
        states.state_number,
        states.team,
        states.priority,
        {{ reporting_day('tickets.created_at') }} as created_on,
        {{ reporting_day('states.starts_at') }} as opened_on,
        {{ reporting_day('states.ends_at') }} as closed_on
    from states
    inner join tickets using (ticket_id)
    where not {{ is_done('states.status') }}
),

ages as (
    {% for label, first, last in buckets -%}
    select
        '{{ label }}' as age_bucket,
        {{ first }} as first_age,
        {{ last if last is not none else 'cast(null as integer)' }} as last_age
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

cut as (
    select
        open_days.ticket_id,
        open_days.state_number,
        open_days.team,
        open_days.priority,
        ages.age_bucket,
        greatest(open_days.opened_on, open_days.created_on + ages.first_age) as opened_on,
        -- least() skips null: still open, and the last bucket has no end
        least(open_days.closed_on, open_days.created_on + ages.last_age + 1) as closed_on
    from open_days
    -- most tickets never reach the older buckets
    inner join ages
        on open_days.created_on + ages.first_age <= least(open_days.closed_on, {{ as_of() }} + 1)
),

final as (
    select * from cut
    where closed_on is null or closed_on > opened_on
)

select * from final
