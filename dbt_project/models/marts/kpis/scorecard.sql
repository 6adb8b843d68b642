with
kpis as (
    select * from {{ ref('kpis') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

kpi_sources as (
    select * from {{ ref('int_kpi_sources') }}
),

stream_states as (
    select * from {{ ref('stg_meridian__stream_states') }}
),

settled as (
    select * from kpis
    where segment_type = 'all'
        and period_grain in ('week', 'month')
        and not is_provisional
),

compared as (
    select
        *,
        lag(value) over by_period as previous_value,
        list(value) over (by_period rows between 12 preceding and current row) as sparkline,
        row_number() over (partition by kpi, period_grain order by period_start desc) as periods_back
    from settled
    window by_period as (partition by kpi, period_grain order by period_start)
),

latest as (
    select
        compared.*,
        last_year.value as last_year_value
    from compared
    -- A week's counterpart is 52 weeks earlier, so that it has the same weekdays.
    left join settled as last_year
        on compared.kpi = last_year.kpi
        and compared.period_grain = last_year.period_grain
        and last_year.period_start = case compared.period_grain
            when 'week' then compared.period_start - 364
            else cast(compared.period_start - interval 1 year as date)
        end
    where compared.periods_back = 1
),

stale as (
    select
        kpi_sources.kpi,
        string_agg(
            distinct stream_states.source_name || '.' || stream_states.stream || coalesce(': ' || stream_states.stale_reason, ''), '; '
            order by stream_states.source_name || '.' || stream_states.stream || coalesce(': ' || stream_states.stale_reason, '')
        ) as stale_reason
    from kpi_sources
    inner join stream_states
        on kpi_sources.kind = stream_states.kind
        and kpi_sources.stream = stream_states.stream
    where stream_states.is_stale
    group by kpi_sources.kpi
),

-- A KPI that never had a row still has its line: what is missing must be seen to be missing.
final as (
    select
        definitions.kpi,
        coalesce(latest.period_grain, 'month') as period_grain,
        definitions.title_en,
        definitions.title_zh,
        definitions.perspective,
        definitions.owner,
        definitions.unit,
        definitions.direction,
        latest.period_start,
        latest.period_end,
        latest.value,
        latest.sample_size,
        latest.previous_value,
        latest.last_year_value,
        latest.target,
        coalesce(latest.status, 'no_data') as status,
        latest.is_met,
        case
            when latest.value is null or latest.previous_value is null then null
            -- Less than 1 % of the old value is called steady: for a reader it is the same number.
            when abs(latest.value - latest.previous_value) <= 0.01 * abs(latest.previous_value) then 'steady'
            when definitions.direction = 'higher' then case when latest.value > latest.previous_value then 'better' else 'worse' end
            when definitions.direction = 'range' then case
                when abs(latest.value - coalesce(latest.target, 0)) < abs(latest.previous_value - coalesce(latest.target, 0)) then 'better' else 'worse'
            end
            else case when latest.value < latest.previous_value then 'better' else 'worse' end
        end as trend,
        coalesce(latest.sparkline, []) as sparkline,
        stale.kpi is not null as is_stale,
        stale.stale_reason,
        {{ as_of() }} as as_of,
        {{ data_version() }} as data_version
    from definitions
    left join latest on definitions.kpi = latest.kpi
    left join stale on definitions.kpi = stale.kpi
)

select * from final
