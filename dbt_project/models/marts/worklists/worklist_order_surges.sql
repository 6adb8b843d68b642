with
orders as (
    select * from {{ ref('fct_orders') }}
),

staffing as (
    select * from {{ ref('fct_staffing') }}
),

placed as (
    select
        warehouse,
        placed_on
    from orders
    where placed_on between {{ as_of() }} - 62 and {{ as_of() }}
),

-- the week that ends with the as_of day, and the eight before it
counted as (
    select
        warehouse,
        count(*) filter (where placed_on > {{ as_of() }} - 7) as order_count,
        count(*) filter (where placed_on <= {{ as_of() }} - 7) / 8 as usual_count
    from placed
    group by warehouse
),

-- more than half again as many, and beyond what chance does to so few: four sigma of a Poisson count, whose square root varies by a half
surging as (
    select *
    from counted
    where order_count > {{ worklist_limit('surge_factor') }} * usual_count
        and sqrt(order_count) > sqrt(usual_count) + 4 * 0.5
),

-- customers write about orders wherever these are packed
growth as (
    select sum(order_count) / nullif(sum(usual_count), 0) as growth from counted
),

-- who lacks in the next seven days if they write as much more as they order
short_hours as (
    select
        staffing.team,
        staffing.time_zone,
        staffing.day,
        staffing.hours,
        {{ local_time('staffing.starts_at', 'staffing.time_zone') }} as from_local,
        ceil(staffing.needed_agents * greatest(growth.growth, 1) - 1e-9) - floor(staffing.rostered_agents + 1e-9) as people
    from staffing
    cross join growth
    where staffing.is_ahead and staffing.day <= {{ as_of() }} + 7 and staffing.needed_agents is not null
),

short_days as (
    select
        team,
        time_zone,
        day,
        min(from_local) as from_local,
        max(from_local + to_seconds(cast(round(hours * 3600) as integer))) as until_local,
        cast(max(people) as integer) as people,
        sum(people * hours) as person_hours
    from short_hours
    where people > 0
    group by team, time_zone, day
),

additions as (
    select
        string_agg('- ' || strftime(day, '%a %Y-%m-%d') || ', ' || described, chr(10) order by day, team) as roster_en,
        string_agg('- ' || strftime(day, '%Y-%m-%d') || '，' || described_zh, chr(10) order by day, team) as roster_zh
    from (
        select
            *,
            team || ' (' || time_zone || '), ' || strftime(from_local, '%H:%M') || '-' || strftime(until_local, '%H:%M') || ': up to ' || people
            || ' more, ' || cast(round(person_hours, 1) as decimal(18, 1)) || ' hours' as described,
            team || '（' || time_zone || '），' || strftime(from_local, '%H:%M') || '-' || strftime(until_local, '%H:%M') || '：最多增派 ' || people
            || ' 人，共 ' || cast(round(person_hours, 1) as decimal(18, 1)) || ' 小时' as described_zh
        from short_days
        qualify row_number() over (order by person_hours desc, day, team) <= {{ worklist_limit('surge_lines') }}
    )
),

proposed as (
    select
        surging.*,
        coalesce(additions.roster_en, '- by the rosters nobody lacks') as roster_en,
        coalesce(additions.roster_zh, '- 按现有排班无需增派') as roster_zh
    from surging
    cross join additions
),

final as (
    {{ worklist(
        'order_surges', 'proposed', key='warehouse', subject='warehouse',
        evidence_en="order_count || ' orders in seven days; a usual week has ' || round(usual_count, 1)",
        evidence_zh="'七天内 ' || order_count || ' 单;平常一周 ' || round(usual_count, 1) || ' 单'",
        owner='fulfilment_lead', due_at=as_of() ~ ' + 1', severity="'act'", value='order_count', threshold=worklist_limit('surge_factor') ~ ' * usual_count',
        more=['warehouse', 'order_count', 'usual_count'], last=['roster_en', 'roster_zh']
    ) }}
)

select * from final
