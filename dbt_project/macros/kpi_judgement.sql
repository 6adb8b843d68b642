{#
    KPI rows of `measured` with the target that held when each period began, and how the value stands to it. Needs the CTEs `definitions`
    (int_kpi_definitions) and `targets` (int_targets).

    A target stated for grain 'any' is a rate: it is good for every grain, and for segments that have none of their own. One stated for a
    grain is an amount: it is good for that grain and for the segment it names. A KPI without either may ask for a change against
    the same period of the year before (`target_change`).

    higher, lower: on target when the value is as good as the target and as warn_at; off target when worse than both; between them, on
    whichever side warn_at lies, a warning. range: warn_at and act_at are distances from the target; on target within warn_at, a
    warning within act_at.
#}
{% macro kpi_judged(measured) -%}
    with year_before as (
        -- A week's counterpart is 52 weeks earlier, so that it has the same weekdays.
        select
            earlier.kpi,
            earlier.period_grain,
            cast(case earlier.period_grain when 'month' then earlier.period_start + interval 1 year else earlier.period_start + 364 end as date) as period_start,
            earlier.segment_type,
            earlier.segment,
            earlier.value * (1 + definitions.target_change) as target
        from {{ measured }} as earlier
        inner join definitions on earlier.kpi = definitions.kpi
        where definitions.target_change is not null
    ),

    aimed as (
        select
            measured.*,
            {{ period_end('measured.period_grain', 'measured.period_start') }} as period_end,
            definitions.direction,
            coalesce(definitions.min_sample, 0) as min_sample,
            coalesce(definitions.settles_after_days, 0) as settles_after_days,
            definitions.definition_revision,
            case when own_target.kpi is not null then own_target.target when whole_target.kpi is not null then whole_target.target else year_before.target end as target,
            case when own_target.kpi is not null then own_target.warn_at when whole_target.kpi is not null then whole_target.warn_at end as warn_at,
            case when own_target.kpi is not null then own_target.act_at when whole_target.kpi is not null then whole_target.act_at end as act_at
        from {{ measured }} as measured
        left join definitions on measured.kpi = definitions.kpi
        left join targets as own_target
            on measured.kpi = own_target.kpi
            and measured.segment_type = own_target.segment_type
            and measured.segment = own_target.segment
            and measured.period_start >= own_target.effective_from
            and measured.period_start < own_target.effective_until
            and definitions.grain in ('any', measured.period_grain)
        left join targets as whole_target
            on measured.kpi = whole_target.kpi
            and measured.segment_type <> 'all'
            and whole_target.segment_type = 'all'
            and measured.period_start >= whole_target.effective_from
            and measured.period_start < whole_target.effective_until
            and definitions.grain = 'any'
        left join year_before
            on measured.kpi = year_before.kpi
            and measured.period_grain = year_before.period_grain
            and measured.period_start = year_before.period_start
            and measured.segment_type = year_before.segment_type
            and measured.segment = year_before.segment
    ),

    -- Turned so that less is better: a value of 'higher' changes its sign, one of 'range' counts as its distance from the target.
    turned as (
        select
            *,
            value is not null and sample_size >= min_sample as has_data,
            case direction when 'higher' then -value when 'range' then abs(value - target) else value end as badness,
            case direction when 'higher' then -target when 'range' then coalesce(warn_at, 0) else target end as met_up_to,
            case direction when 'higher' then -coalesce(warn_at, target) when 'range' then coalesce(act_at, warn_at, 0) else coalesce(warn_at, target) end as warned_at
        from aimed
    )

    select
        kpi,
        period_grain,
        period_start,
        period_end,
        segment_type,
        segment,
        value,
        numerator,
        denominator,
        sample_size,
        target,
        warn_at,
        act_at,
        -- 1e-9: a sum of money that meets its target must not miss it by a rounding of the last bit.
        case
            when not has_data then 'no_data'
            when target is null then 'no_target'
            when badness <= least(met_up_to, warned_at) + 1e-9 then 'on_target'
            when badness <= greatest(met_up_to, warned_at) + 1e-9 then 'warning'
            else 'off_target'
        end as status,
        case when has_data and target is not null then badness <= met_up_to + 1e-9 end as is_met,
        period_end + settles_after_days > {{ as_of() }} as is_provisional,
        definition_revision,
        {{ data_version() }} as data_version
    from turned
{%- endmacro %}
