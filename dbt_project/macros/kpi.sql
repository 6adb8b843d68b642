{#
    KPI macros. Each is the body of a CTE and returns the KPI shape, one row per KPI, grain, period, segment type and segment:

        kpi, period_grain, period_start, segment_type, segment, value, numerator, denominator, sample_size

    `relation` is a CTE or table with one row per thing, `day` its DATE column, `segments` the names of its columns to split by.
    What is summed keeps its own type until the end, and only the total becomes a double: money is a decimal, and its totals are exact to the cent.
    A week starts on Monday. Every segment has every period from the KPI's first day of data up to as_of: without data the value
    is null and the sample 0, never a missing row and never a value of 0. One scan with GROUPING SETS gives all segments; a scan for
    each would cost as many times more.
#}

{# sum(numerator) / sum(denominator); the sample is the number of things that count in the denominator. #}
{% macro kpi_ratio(kpi, relation, day, numerator, denominator, segments=[], grains=['day', 'week', 'month']) -%}
    {{ kpi_frame(kpi, relation, day, segments, grains,
        inputs={'numerator_part': numerator, 'denominator_part': denominator},
        measures={
            'numerator': 'sum(numerator_part)',
            'denominator': 'sum(denominator_part)',
            'sample_size': 'count(*) filter (where denominator_part <> 0)',
        },
        value='cast(cells.numerator as double) / nullif(cast(cells.denominator as double), 0)',
        adds_up=true) }}
{%- endmacro %}

{# Median of `value`; with p90=true also a KPI `<kpi>_p90`, the ninetieth percentile of the same values. #}
{% macro kpi_median(kpi, relation, day, value, segments=[], grains=['day', 'week', 'month'], p90=true) -%}
    {{ kpi_frame(kpi, relation, day, segments, grains,
        inputs={'measured': value},
        measures={
            'median_value': 'median(cast(measured as double))',
            'p90_value': 'quantile_cont(cast(measured as double), 0.9)',
            'numerator': 'cast(null as double)',
            'denominator': 'cast(null as double)',
            'sample_size': 'count(measured)',
        },
        value='cells.median_value',
        also=({kpi ~ '_p90': 'cells.p90_value'} if p90 else {})) }}
{%- endmacro %}

{# Sum of `value`, repeated as the numerator so that it re-aggregates; the sample is the number of things summed. #}
{% macro kpi_sum(kpi, relation, day, value, segments=[], grains=['day', 'week', 'month']) -%}
    {{ kpi_frame(kpi, relation, day, segments, grains,
        inputs={'measured': value},
        measures={
            'numerator': 'sum(measured)',
            'denominator': 'cast(null as double)',
            'sample_size': 'count(measured)',
        },
        value='cast(cells.numerator as double)',
        adds_up=true) }}
{%- endmacro %}

{# Sum of `value` a day: the denominator is the days of the period that have passed by as_of. A period with nothing in it has no value. #}
{% macro kpi_per_day(kpi, relation, day, value, segments=[], grains=['day', 'week', 'month']) -%}
    select
        kpi,
        period_grain,
        period_start,
        segment_type,
        segment,
        numerator / elapsed_days as value,
        numerator,
        case when numerator is not null then elapsed_days end as denominator,
        sample_size
    from (
        select
            *,
            cast(least({{ period_end('period_grain', 'period_start') }}, {{ as_of() }}) - period_start + 1 as double) as elapsed_days
        from ({{ kpi_sum(kpi, relation, day, value, segments, grains) }})
    )
{%- endmacro %}

{# The ratio over the `days` days that end with the period's last day (or as_of, while the period is in progress). #}
{% macro kpi_trailing_ratio(kpi, relation, day, numerator, denominator, segments=[], days=90, grains=['day', 'week', 'month']) -%}
    {{ kpi_daily_frame(kpi, relation, segments, grains,
        deltas=[{'day': day, 'numerator': numerator, 'denominator': denominator,
                 'sample_size': 'case when ' ~ denominator ~ ' <> 0 then 1 end'}],
        window='range between interval ' ~ (days - 1) ~ ' days preceding and current row') }}
{%- endmacro %}

{#
    A stock: how many things are open at the end of a period. `opened_on` and `closed_on` are DATE columns (closed_on null: still
    open); a thing is open from its opening day up to the day before its closing day. `weight` sums a column instead of counting.
#}
{% macro kpi_at_period_end(kpi, relation, opened_on, closed_on, segments=[], weight='1', grains=['day', 'week', 'month']) -%}
    {{ kpi_ratio_at_period_end(kpi, relation, opened_on, closed_on, weight, 'cast(null as double)', segments, grains, is_ratio=false) }}
{%- endmacro %}

{#
    A ratio of two stocks at the end of a period: rows count in numerator and denominator from `opened_on` up to the day before
    `closed_on`. A trailing count of distinct things is such a ratio: a customer counts for 365 days from each order.
#}
{% macro kpi_ratio_at_period_end(kpi, relation, opened_on, closed_on, numerator, denominator, segments=[], grains=['day', 'week', 'month'], is_ratio=true) -%}
    {%- set size = 'case when ' ~ (denominator if is_ratio else numerator) ~ ' <> 0 then 1 end' -%}
    {{ kpi_daily_frame(kpi, relation, segments, grains,
        deltas=[
            {'day': opened_on, 'numerator': numerator, 'denominator': denominator, 'sample_size': size},
            {'day': closed_on, 'numerator': '-(' ~ numerator ~ ')', 'denominator': '-(' ~ denominator ~ ')', 'sample_size': '-(' ~ size ~ ')'},
        ],
        window='rows between unbounded preceding and current row',
        is_ratio=is_ratio) }}
{%- endmacro %}
