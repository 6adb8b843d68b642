with
promised as (
    select * from {{ ref('int_promised_spans') }}
),

roster_spans as (
    select * from {{ ref('int_roster_spans') }}
),

-- neighbouring days promise one stretch; a hole over midnight is one piece of work
ahead as (
    select
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from (
        select
            *,
            sum(is_new) over (order by starts_at) as stretch
        from (
            select
                *,
                case when starts_at = lag(ends_at) over (order by starts_at) then 0 else 1 end as is_new
            from promised
            where scope_type = 'all' and day > {{ as_of() }}
        )
    )
    group by stretch
),

covering as (
    select
        starts_at,
        ends_at
    from roster_spans
    where scope_type = 'all'
),

-- a hole begins where the promise begins or a roster ends
edges as (
    select
        ahead.starts_at as hole_starts_at,
        ahead.ends_at as promise_ends_at
    from ahead
    where not exists (
        select 1
        from covering
        where covering.starts_at <= ahead.starts_at and covering.ends_at > ahead.starts_at
    )
    union all
    select
        covering.ends_at as hole_starts_at,
        ahead.ends_at as promise_ends_at
    from ahead
    inner join covering
        on covering.ends_at >= ahead.starts_at
        and covering.ends_at < ahead.ends_at
),

holes as (
    select
        edges.hole_starts_at as starts_at,
        min(least(coalesce(covering.starts_at, edges.promise_ends_at), edges.promise_ends_at)) as ends_at
    from edges
    left join covering
        on covering.starts_at >= edges.hole_starts_at
    group by edges.hole_starts_at
),

described as (
    select
        *,
        -- from its eve on it may be off the list because its day has begun somewhere, covered or not
        cast(starts_at as date) - 1 as listed_until,
        {{ hours_between('starts_at', 'ends_at') }} as hours,
        strftime({{ local_time('starts_at') }}, '%Y-%m-%d %H:%M') as from_local,
        strftime({{ local_time('ends_at') }}, '%Y-%m-%d %H:%M') as until_local
    from holes
    where ends_at > starts_at
),

final as (
    {{ worklist(
        'uncovered_shifts', 'described', key="strftime(starts_at, '%Y-%m-%dT%H:%MZ')", subject="from_local || ' – ' || until_local",
        evidence_en="'Nobody is rostered for ' || round(hours, 1) || ' hours, ' || from_local || ' to ' || until_local || ' (' || " ~ time_zone() ~ " || ')'",
        evidence_zh="'自 ' || from_local || ' 至 ' || until_local || '(' || " ~ time_zone() ~ " || ')共 ' || round(hours, 1) || ' 小时无人排班'",
        owner='customer_service_lead', due_at='starts_at', severity="'act'", value='hours', threshold='0', more=['starts_at', 'ends_at'], last=['listed_until']
    ) }}
)

select * from final
