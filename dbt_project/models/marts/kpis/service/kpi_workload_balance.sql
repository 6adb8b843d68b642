{%- set grains = ['week', 'month'] -%}
with
shifts as (
    select * from {{ ref('fct_shifts') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

worked as (
    select
        {{ reporting_day('starts_at') }} as day,
        lower(agent) as agent,
        team,
        hours
    from shifts
),

solved as (
    select
        resolved_on as day,
        lower(assignee) as agent
    from tickets
    where assignee is not null and resolved_on is not null
),
{% for grain in grains %}
{{ grain }}_worked as (
    select
        cast(date_trunc('{{ grain }}', day) as date) as period_start,
        agent,
        team,
        sum(hours) as hours
    from worked
    where day <= {{ as_of() }}
    group by all
),

{{ grain }}_teams as (
    select
        period_start,
        team,
        agent,
        sum(hours) over (partition by period_start, agent) as hours
    from {{ grain }}_worked
),

{{ grain }}_solved as (
    select
        cast(date_trunc('{{ grain }}', day) as date) as period_start,
        agent,
        count(*) as tickets
    from solved
    group by all
),

-- decimals: a sum of doubles depends on the order of the rows
{{ grain }}_rates as (
    select
        {{ grain }}_teams.period_start,
        {{ grain }}_teams.team,
        cast(coalesce({{ grain }}_solved.tickets, 0) / {{ grain }}_teams.hours as decimal(18, 9)) as rate,
        row_number() over (
            partition by {{ grain }}_teams.period_start, {{ grain }}_teams.team
            order by coalesce({{ grain }}_solved.tickets, 0) / {{ grain }}_teams.hours
        ) as place
    from {{ grain }}_teams
    left join {{ grain }}_solved
        on {{ grain }}_teams.period_start = {{ grain }}_solved.period_start
        and {{ grain }}_teams.agent = {{ grain }}_solved.agent
    where {{ grain }}_teams.hours > 0
),

-- Gini of what each got through in an hour: 0, all alike. One person has nobody to share with, a team without tickets nothing to share.
{{ grain }}_balances as (
    select
        period_start,
        team,
        count(*) as agents,
        -- agents × (1 − Gini), with Gini = 2 Σ place × rate / (agents × Σ rate) − (agents + 1) / agents
        -- in steps of a power of two, for sums of such doubles are exact, in whatever order teams come
        round((2 * count(*) + 1 - 2 * cast(sum(place * rate) as double) / cast(sum(rate) as double)) * 68719476736) / 68719476736 as balance
    from {{ grain }}_rates
    group by period_start, team
    having count(*) > 1 and sum(rate) > 0
),

{{ grain }}_balance as (
    {{ kpi_ratio(
        'workload_balance', grain ~ '_balances', day='period_start', numerator='balance', denominator='agents', segments=['team'], grains=[grain]
    ) }}
),
{% endfor %}
final as (
    {%- for grain in grains %}
    select * from {{ grain }}_balance
    {{ 'union all by name' if not loop.last }}
    {%- endfor %}
)

select * from final
