with
signals as (
    select * from {{ ref('kpi_signals') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

drivers as (
    select * from {{ ref('kpi_drivers') }}
),

projects as (
    select * from {{ ref('fct_projects') }}
),

-- the last week that is over
latest as (
    select *
    from signals
    where period_grain = 'week' and period_end <= {{ as_of() }}
    qualify row_number() over (partition by kpi, segment_type, segment order by period_start desc) = 1
),

why as (
    select
        kpi,
        segment_type,
        segment,
        string_agg(title_en, '; ' order by rank) as drivers_en,
        string_agg(title_zh, ';' order by rank) as drivers_zh
    from (
        select *
        from drivers
        where compared_with = 'previous'
        qualify dense_rank() over (partition by kpi, segment_type, segment order by period_start desc) = 1
    )
    where rank <= 3
    group by kpi, segment_type, segment
),

-- who works on it already waits for the verdict
worked_on as (
    select distinct
        kpi,
        segment_type,
        segment
    from projects
    where verdict is null or verdict = 'too early' or starts_on > {{ as_of() }} - 90
),

worse as (
    select
        latest.kpi,
        latest.segment_type,
        latest.segment,
        latest.kpi || '/' || latest.segment_type || '/' || latest.segment as series,
        definitions.title_en || case when latest.segment_type = 'all' then '' else ', ' || latest.segment end as title,
        definitions.direction,
        latest.period_start,
        latest.value,
        latest.expected,
        case when definitions.direction = 'lower' then latest.upper_limit else latest.lower_limit end as control_limit,
        latest.run_length,
        why.drivers_en,
        why.drivers_zh,
        -- the Monday after next: registered before it begins, or it could not be judged
        {{ as_of() }} + cast(15 - isodow({{ as_of() }}) as integer) as starts_on
    from latest
    inner join definitions
        on latest.kpi = definitions.kpi
    left join why
        on latest.kpi = why.kpi
        and latest.segment_type = why.segment_type
        and latest.segment = why.segment
    left join worked_on
        on latest.kpi = worked_on.kpi
        and latest.segment_type = worked_on.segment_type
        and latest.segment = worked_on.segment
    where latest.is_worse
        and latest.run_length >= {{ worklist_limit('worse_weeks') }}
        and worked_on.kpi is null
),

final as (
    {{ worklist(
        'improvements', 'worse', key='series', subject='title',
        evidence_en="format('{:.4g}', value) || ' in the week of ' || period_start || ', expected ' || format('{:.4g}', expected)
            || ', limit ' || format('{:.4g}', control_limit) || '; ' || run_length || ' weeks running' || coalesce('; ' || drivers_en, '')",
        evidence_zh="period_start || ' 当周为 ' || format('{:.4g}', value) || ',预期 ' || format('{:.4g}', expected)
            || ',控制限 ' || format('{:.4g}', control_limit) || ';已连续 ' || run_length || ' 周' || coalesce(';' || drivers_zh, '')",
        owner='operations_lead', due_at='starts_on', severity="'inform'", value='value', threshold='control_limit',
        more=['kpi', 'segment_type', 'segment', 'title', 'direction', 'starts_on']
    ) }}
)

select * from final
