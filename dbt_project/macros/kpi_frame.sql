{# What the macros of kpi.sql are made of. A model calls these only when none of those fits. #}

{# Sources that cannot leave a date empty say 1970; a calendar from there on would be fifty years of nothing for every segment. #}
{% macro first_credible_day() %}date '2000-01-01'{% endmacro %}
{% macro first_incredible_day() %}date '2100-01-01'{% endmacro %}

{# Every period of every grain from `first_day` (a scalar SQL expression) up to as_of; none when it is null. #}
{% macro kpi_periods(first_day, grains) -%}
    {%- for grain in grains %}
        select
            '{{ grain }}' as period_grain,
            cast(unnest(generate_series(date_trunc('{{ grain }}', {{ first_day }}), {{ as_of() }}, interval 1 {{ grain }})) as date) as period_start
        {%- if not loop.last %}
        union all
        {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# The segment columns as text, null told apart: 'unknown'. Named segment_1, segment_2 ... so that no name can clash. #}
{% macro kpi_segment_columns(segments) -%}
    {%- for segment in segments %}
            coalesce(cast({{ segment }} as varchar), 'unknown') as segment_{{ loop.index }},
    {%- endfor -%}
{%- endmacro %}

{% macro kpi_segment_labels(segments) -%}
            {%- if segments %}
            case
                {%- for segment in segments %}
                when grouping(segment_{{ loop.index }}) = 0 then '{{ segment }}'
                {%- endfor %}
                else 'all'
            end as segment_type,
            {%- else %}
            'all' as segment_type,
            {%- endif %}
            coalesce({% for segment in segments %}segment_{{ loop.index }}, {% endfor %}'all') as segment,
{%- endmacro %}

{#
    One row per grain, period and segment. inputs: name → column expression on the relation; measures: name → aggregate over the inputs; value:
    expression over `cells`; also: further KPI id → value expression.
    adds_up: the measures of a week are the sums of those of its days, so that the things are gone through by day alone and not once for each
    grain, too. Medians do not add up.
#}
{% macro kpi_frame(kpi, relation, day, segments, grains, inputs, measures, value, also={}, adds_up=false) -%}
    {%- set counted_by = ['day'] if adds_up else grains -%}
    with kpi_things as (
        select
            {{ day }} as happened_on,
            {%- for grain in counted_by %}
            cast(date_trunc('{{ grain }}', {{ day }}) as date) as {{ grain }}_start,
            {%- endfor %}
            {{- kpi_segment_columns(segments) }}
            {%- for name, expression in inputs.items() %}
            {{ expression }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
        where {{ day }} between {{ first_credible_day() }} and {{ as_of() }}
    ),

    {{ 'day_cells' if adds_up else 'cells' }} as (
        select
            case
                {%- for grain in counted_by %}
                when grouping({{ grain }}_start) = 0 then '{{ grain }}'
                {%- endfor %}
            end as period_grain,
            coalesce({% for grain in counted_by %}{{ grain }}_start{{ ', ' if not loop.last }}{% endfor %}) as period_start,
            {{- kpi_segment_labels(segments) }}
            {%- for name, expression in measures.items() %}
            {{ expression }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from kpi_things
        group by grouping sets (
            {%- for grain in counted_by %}
            ({{ grain }}_start)
            {%- for segment in segments %}, ({{ grain }}_start, segment_{{ loop.index }}){% endfor %}
            {{- ',' if not loop.last }}
            {%- endfor %}
        )
    ),
    {%- if adds_up %}

    cells as (
        {%- for grain in grains %}
        select
            '{{ grain }}' as period_grain,
            cast(date_trunc('{{ grain }}', period_start) as date) as period_start,
            segment_type,
            segment,
            {%- for name in measures %}
            sum({{ name }}) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from day_cells
        group by all
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ),
    {%- endif %}

    segments as (
        select distinct segment_type, segment from cells
    ),

    periods as (
        {{- kpi_periods('(select min(happened_on) from kpi_things)', grains) }}
    )

    {%- set values = {kpi: value} -%}
    {%- do values.update(also) %}
    {% for id, expression in values.items() %}
    select
        '{{ id }}' as kpi,
        periods.period_grain,
        periods.period_start,
        segments.segment_type,
        segments.segment,
        {{ expression }} as value,
        cast(cells.numerator as double) as numerator,
        cast(cells.denominator as double) as denominator,
        cast(coalesce(cells.sample_size, 0) as bigint) as sample_size
    from periods
    cross join segments
    left join cells
        on periods.period_grain = cells.period_grain
        and periods.period_start = cells.period_start
        and segments.segment_type = cells.segment_type
        and segments.segment = cells.segment
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    For what is known at the end of a day: daily changes (`deltas`: day, numerator, denominator, sample_size, each an SQL expression) are
    summed over `window` of a gapless calendar of days, and a week or month shows its last day. A segment begins with its first thing.
#}
{% macro kpi_daily_frame(kpi, relation, segments, grains, deltas, window, is_ratio=true) -%}
    with kpi_changes as (
        {%- for delta in deltas %}
        select
            greatest({{ delta.day }}, {{ first_credible_day() }}) as happened_on,
            {{- kpi_segment_columns(segments) }}
            cast({{ delta.numerator }} as double) as numerator,
            cast({{ delta.denominator }} as double) as denominator,
            cast({{ delta.sample_size }} as bigint) as sample_size
        from {{ relation }}
        where {{ delta.day }} <= {{ as_of() }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ),

    daily_changes as (
        select
            happened_on,
            {{- kpi_segment_labels(segments) }}
            sum(numerator) as numerator,
            sum(denominator) as denominator,
            sum(sample_size) as sample_size
        from kpi_changes
        group by grouping sets (
            (happened_on)
            {%- for segment in segments %}, (happened_on, segment_{{ loop.index }}){% endfor %}
        )
    ),

    segments as (
        select
            segment_type,
            segment,
            min(happened_on) as first_day
        from daily_changes
        group by segment_type, segment
    ),

    days as (
        select cast(unnest(generate_series((select min(happened_on) from daily_changes), {{ as_of() }}, interval 1 day)) as date) as happened_on
    ),

    daily as (
        select
            days.happened_on,
            segments.segment_type,
            segments.segment,
            days.happened_on >= segments.first_day as has_begun,
            sum(daily_changes.numerator) over up_to_this_day as numerator,
            sum(daily_changes.denominator) over up_to_this_day as denominator,
            coalesce(sum(daily_changes.sample_size) over up_to_this_day, 0) as sample_size
        from days
        cross join segments
        left join daily_changes
            on days.happened_on = daily_changes.happened_on
            and segments.segment_type = daily_changes.segment_type
            and segments.segment = daily_changes.segment
        window up_to_this_day as (
            partition by segments.segment_type, segments.segment
            order by days.happened_on
            {{ window }}
        )
    ),

    periods as (
        {{- kpi_periods('(select min(happened_on) from daily_changes)', grains) }}
    )

    select
        '{{ kpi }}' as kpi,
        periods.period_grain,
        periods.period_start,
        daily.segment_type,
        daily.segment,
        {%- if is_ratio %}
        daily.numerator / nullif(daily.denominator, 0) as value,
        daily.numerator,
        daily.denominator,
        {%- else %}
        case when daily.has_begun then daily.numerator end as value,
        case when daily.has_begun then daily.numerator end as numerator,
        cast(null as double) as denominator,
        {%- endif %}
        cast(daily.sample_size as bigint) as sample_size
    from periods
    inner join daily
        on daily.happened_on = least({{ period_end('periods.period_grain', 'periods.period_start') }}, {{ as_of() }})
{%- endmacro %}
