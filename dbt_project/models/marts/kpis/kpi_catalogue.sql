with
definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

targets as (
    select * from {{ ref('int_targets') }}
),

sources as (
    select
        kpi,
        string_agg(distinct kind || '.' || stream, ', ' order by kind || '.' || stream) as reads
    from {{ ref('int_kpi_sources') }}
    group by kpi
),

-- What holds on the last day of this version.
current_targets as (
    select * from targets
    where segment_type = 'all'
        and effective_from <= {{ as_of() }}
        and effective_until > {{ as_of() }}
),

final as (
    select
        definitions.kpi,
        definitions.title_en,
        definitions.title_zh,
        definitions.question,
        definitions.definition,
        definitions.owner,
        definitions.raci,
        definitions.unit,
        definitions.direction,
        case when current_targets.kpi is not null then current_targets.target else definitions.target end as target,
        case when current_targets.kpi is not null then current_targets.warn_at else definitions.warn_at end as warn_at,
        case when current_targets.kpi is not null then current_targets.act_at else definitions.act_at end as act_at,
        case when current_targets.kpi is not null then current_targets.effective_from else definitions.effective_from end as effective_from,
        coalesce(current_targets.origin, 'definition') as target_origin,
        definitions.target_change,
        definitions.grain,
        definitions.min_sample,
        definitions.settles_after_days,
        definitions.perspective,
        definitions.source_note,
        definitions.not_comparable_before,
        sources.reads,
        definitions.model,
        definitions.definition_revision
    from definitions
    left join current_targets on definitions.kpi = current_targets.kpi
    left join sources on definitions.kpi = sources.kpi
)

select * from final
