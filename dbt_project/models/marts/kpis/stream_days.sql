with
days as (
    select * from {{ ref('stg_meridian__stream_days') }}
),

kpi_sources as (
    select * from {{ ref('int_kpi_sources') }}
),

restatements as (
    select * from {{ ref('restatements') }}
),

-- The last version in which a number of that day changed that is worked out from this stream, after readers had been shown it.
restated as (
    select
        kpi_sources.kind || '.' || kpi_sources.stream as feeds,
        restatements.period_start as day,
        max(restatements.new_version) as restated_in
    from restatements
    inner join kpi_sources on restatements.kpi = kpi_sources.kpi
    where restatements.period_grain = 'day'
    group by all
),

final as (
    select
        days.source_name,
        days.kind,
        days.stream,
        days.day,
        days.state,
        days.why,
        days.who,
        days.records,
        days.backfill,
        days.read_at,
        restated.restated_in
    from days
    left join restated on days.feeds = restated.feeds and days.day = restated.day
)

select * from final
