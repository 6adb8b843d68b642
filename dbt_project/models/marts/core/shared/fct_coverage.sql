with
promised as (
    select * from {{ ref('int_promised_spans') }}
),

roster_spans as (
    select * from {{ ref('int_roster_spans') }}
),

promised_hours as (
    select
        scope_type,
        scope,
        day,
        sum({{ hours_between('starts_at', 'ends_at') }}) as promised_hours
    from promised
    group by scope_type, scope, day
),

covered_hours as (
    select
        promised.scope_type,
        promised.scope,
        promised.day,
        sum({{ hours_between('greatest(promised.starts_at, roster_spans.starts_at)', 'least(promised.ends_at, roster_spans.ends_at)') }}) as covered_hours
    from promised
    inner join roster_spans
        on promised.scope_type = roster_spans.scope_type
        and promised.scope = roster_spans.scope
        and roster_spans.starts_at < promised.ends_at
        and roster_spans.ends_at > promised.starts_at
    group by promised.scope_type, promised.scope, promised.day
),

final as (
    select
        promised_hours.scope_type,
        promised_hours.scope,
        promised_hours.day,
        promised_hours.promised_hours,
        coalesce(covered_hours.covered_hours, 0) as covered_hours,
        promised_hours.day > {{ as_of() }} as is_ahead
    from promised_hours
    left join covered_hours
        on promised_hours.scope_type = covered_hours.scope_type
        and promised_hours.scope = covered_hours.scope
        and promised_hours.day = covered_hours.day
)

select * from final
