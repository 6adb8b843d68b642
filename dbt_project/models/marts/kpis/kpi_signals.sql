with
kpis as (
    select * from {{ ref('kpis') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

-- Days of segments are too few things to say anything; periods that overlap each other (the last 90 days, what is open) say it again every day.
judged as (
    select
        kpis.kpi,
        kpis.period_grain,
        kpis.segment_type,
        kpis.segment,
        kpis.period_start,
        kpis.period_end,
        kpis.value,
        kpis.sample_size,
        definitions.direction,
        coalesce(definitions.unit = 'ratio' and kpis.denominator = kpis.sample_size and kpis.numerator between 0 and kpis.denominator, false) as is_share,
        definitions.unit = 'count' as is_count,
        definitions.unit = 'count' or (definitions.unit = 'currency' and kpis.denominator is null) as is_amount,
        case kpis.period_grain when 'day' then isodow(kpis.period_start) else 0 end as weekday
    from kpis
    inner join definitions
        on kpis.kpi = definitions.kpi
    where kpis.status <> 'no_data'
        and kpis.sample_size > 0
        and not kpis.is_provisional
        and (kpis.period_grain = 'week' or (kpis.period_grain = 'day' and kpis.segment_type = 'all' and not definitions.is_trailing))
),

series as (
    select
        kpi,
        period_grain,
        segment_type,
        segment,
        bool_and(is_share) as is_rate,
        bool_or(is_amount) as is_amount,
        bool_or(is_count) as is_count,
        list(period_start order by period_start) as period_starts,
        list(cast(weekday as double) order by period_start) as weekdays,
        list(cast(sample_size as double) order by period_start) as sizes,
        list(value order by period_start) as values
    from judged
    group by kpi, period_grain, segment_type, segment
),

-- What is bounded below is spread wider above: counts and sums are judged on their square roots, times and ratios on an inverse sine (like a logarithm,
-- but it bears zero and less), rates as they are, with their sample.
scaled as (
    select
        * exclude (values, sizes),
        case
            when is_rate then values
            when is_amount then list_transform(values, one -> sign(one) * sqrt(abs(one)))
            else list_transform(values, one -> asinh(one))
        end as values,
        case when is_rate then sizes else list_transform(sizes, one -> cast(null as double)) end as sizes
    from series
),

limited as (
    select
        * exclude (values, sizes, weekdays),
        -- the square root of a count that is Poisson's varies by a half, whatever its mean
        control_limits(values, weekdays, sizes, list_transform(values, one -> case when is_count then 0.5 end)) as limits
    from scaled
),

unfolded as (
    select
        kpi,
        period_grain,
        segment_type,
        segment,
        is_rate,
        is_amount,
        unnest(period_starts) as period_start,
        unnest(limits) as limit_of_period
    from limited
),

lined as (
    select
        * exclude (limit_of_period),
        limit_of_period.side,
        limit_of_period.baseline_points,
        {% for name, sigmas in [('expected', '0'), ('lower_limit', '-3'), ('upper_limit', '3')] %}
        limit_of_period.expected + {{ sigmas }} * limit_of_period.sigma as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from unfolded
),

in_units as (
    select
        kpi,
        period_grain,
        segment_type,
        segment,
        period_start,
        side,
        baseline_points,
        {% for name in ['expected', 'lower_limit', 'upper_limit'] %}
        case
            -- least and greatest overlook null
            when {{ name }} is null then null
            when is_rate then greatest(least({{ name }}, 1), 0)
            when is_amount then sign({{ name }}) * {{ name }} * {{ name }}
            else sinh({{ name }})
        end as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from lined
),

compared as (
    select
        judged.kpi,
        judged.period_grain,
        judged.segment_type,
        judged.segment,
        judged.period_start,
        judged.period_end,
        judged.value,
        judged.direction,
        in_units.expected,
        in_units.lower_limit,
        in_units.upper_limit,
        in_units.baseline_points,
        in_units.side,
        sign(judged.value - in_units.expected) as expected_side
    from judged
    inner join in_units
        on judged.kpi = in_units.kpi
        and judged.period_grain = in_units.period_grain
        and judged.segment_type = in_units.segment_type
        and judged.segment = in_units.segment
        and judged.period_start = in_units.period_start
),

runs as (
    select
        *,
        row_number() over by_period - row_number() over by_side as run
    from compared
    window
        by_period as (partition by kpi, period_grain, segment_type, segment order by period_start),
        by_side as (partition by kpi, period_grain, segment_type, segment, expected_side order by period_start)
),

final as (
    select
        kpi,
        period_grain,
        segment_type,
        segment,
        period_start,
        period_end,
        value,
        expected,
        lower_limit,
        upper_limit,
        baseline_points,
        case when expected is not null then side <> 0 end as is_signal,
        case
            when expected is null then null
            when direction = 'higher' then side < 0
            when direction = 'lower' then side > 0
            else side <> 0
        end as is_worse,
        case
            when expected_side is null or expected_side = 0 then 0
            else row_number() over (
                partition by kpi, period_grain, segment_type, segment, expected_side, run
                order by period_start
            )
        end as run_length
    from runs
)

select * from final
