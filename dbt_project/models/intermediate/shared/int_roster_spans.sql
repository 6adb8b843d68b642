-- Reaches as far ahead as the rosters do: what is not staffed is wanted before the day comes.
with
rosters as (
    select * from {{ ref('stg_files__rosters') }}
),

shifts as (
    select
        coalesce(team, 'unknown') as team,
        starts_at,
        ends_at
    from rosters
    where not is_deleted and {{ is_sound('rosters') }}
),

scoped as (
    select 'all' as scope_type, 'all' as scope, starts_at, ends_at from shifts
    union all
    select 'team' as scope_type, team as scope, starts_at, ends_at from shifts
),

marked as (
    select
        *,
        max(ends_at) over (
            partition by scope_type, scope
            order by starts_at, ends_at
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from scoped
),

numbered as (
    select
        *,
        count(*) filter (where covered_until is null or starts_at > covered_until) over (
            partition by scope_type, scope
            order by starts_at, ends_at
        ) as span
    from marked
),

final as (
    select
        scope_type,
        scope,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from numbered
    group by scope_type, scope, span
)

select * from final
