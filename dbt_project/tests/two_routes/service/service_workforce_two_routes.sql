-- Staffing and the balance of workload. The second routes: people needed are the fewest that the sum which defines Erlang C lets do, asked of each number; hours judged are the
-- promised ones, hours missing those of the people who were not rostered; Gini out of the differences between every two people.
with
needs as (
    select distinct
        fct_staffing.expected_contacts,
        fct_staffing.needed_agents,
        staffing.answer_share,
        staffing.answer_within_minutes,
        staffing.handling_minutes,
        fct_staffing.expected_contacts * staffing.handling_minutes / 60 as load
    from {{ ref('fct_staffing') }} as fct_staffing
    inner join {{ ref('stg_files__staffing') }} as staffing
        on lower(fct_staffing.team) = lower(staffing.team)
    -- beyond it factorials leave a double
    where not staffing.is_deleted and fct_staffing.needed_agents between 1 and 100
),

tried as (
    select
        *,
        unnest([needed_agents - 1, needed_agents]) as agents
    from needs
),

busy as (
    select
        *,
        power(load, agents) / gamma(agents + 1) * agents / (agents - load) as all_busy,
        list_sum(list_transform(range(0, cast(agents as bigint)), lambda number: power(load, number) / gamma(number + 1))) as somebody_free
    from tried
),

enough as (
    select
        *,
        agents > load
            and 1 - all_busy / (coalesce(somebody_free, 0) + all_busy) * exp(-(agents - load) * answer_within_minutes / handling_minutes) >= answer_share as is_enough
    from busy
),

wrong_needs as (
    select 'staffing_gap: people needed' as what
    from enough
    where is_enough <> (agents = needed_agents)
),

wrong_hours as (
    select 'staffing_gap: hours' as what
    from (
        select
            (select sum(hours) from {{ ref('fct_staffing') }}) as found,
            (
                select sum({{ hours_between('starts_at', 'ends_at') }})
                from {{ ref('int_promised_spans') }}
                where scope_type = 'team' and scope in (select team from {{ ref('fct_staffing') }})
            ) as expected
    )
    where {{ differs('coalesce(found, 0)', 'coalesce(expected, 0)') }}
),

wrong_gaps as (
    select 'staffing_gap: hours missing' as what
    from (
        select
            (
                select sum(numerator) from {{ ref('kpis') }}
                where kpi = 'staffing_gap' and period_grain = 'month' and segment_type = 'team'
            ) as found,
            (
                select sum(greatest(0, needed_agents - rostered_agents) * hours) from {{ ref('fct_staffing') }}
                where day <= {{ as_of() }}
            ) as expected
    )
    where abs(coalesce(found, 0) - coalesce(expected, 0)) > 0.01
),

worked as (
    select
        cast(date_trunc('month', {{ reporting_day('starts_at') }}) as date) as month,
        team,
        lower(agent) as agent,
        sum(hours) as hours
    from {{ ref('fct_shifts') }}
    where {{ reporting_day('starts_at') }} <= {{ as_of() }}
    group by all
),

-- months of teams whose people were rostered for no other: else hours are those of all their teams
alone as (
    select *
    from worked
    where (month, team) not in (
        select (one.month, one.team)
        from worked as one
        inner join worked as other
            on one.month = other.month
            and one.agent = other.agent
            and one.team <> other.team
    )
),

rates as (
    select
        alone.month,
        alone.team,
        (
            select count(*)
            from {{ ref('fct_tickets') }} as tickets
            where lower(tickets.assignee) = alone.agent and cast(date_trunc('month', tickets.resolved_on) as date) = alone.month
        ) / alone.hours as rate
    from alone
),

balances as (
    select
        one.month,
        one.team,
        1 - sum(abs(one.rate - other.rate)) / 2 / count(*) / avg(one.rate) as balance
    from rates as one
    inner join rates as other
        on one.month = other.month
        and one.team = other.team
    group by one.month, one.team
    having count(*) > 1 and sum(one.rate) > 0
),

wrong_balances as (
    select 'workload_balance: ' || balances.team || ' ' || balances.month as what
    from balances
    left join {{ ref('kpis') }} as kpis
        on kpis.kpi = 'workload_balance'
        and kpis.period_grain = 'month'
        and kpis.segment_type = 'team'
        and balances.month = kpis.period_start
        and balances.team = kpis.segment
    where kpis.value is null or abs(balances.balance - kpis.value) > 1e-6
)

select * from wrong_needs
union all
select * from wrong_hours
union all
select * from wrong_gaps
union all
select * from wrong_balances
