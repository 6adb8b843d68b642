with
kpis as (
    select * from {{ ref('kpis') }}
),

definitions as (
    select * from {{ ref('int_kpi_definitions') }}
),

channel_days as (
    select * from {{ ref('int_channel_days') }}
),

factors as (
    {{ kpi_factor_rows() }}
),

settled as (
    select *
    from kpis
    where period_grain in ('week', 'month')
        and not is_provisional
),

visits as (
    select
        period_grain,
        cast(date_trunc(period_grain, day) as date) as period_start,
        cast(sum(visits) as double) as value
    from channel_days
    cross join (values ('week'), ('month')) as grains (period_grain)
    where day <= {{ as_of() }}
    group by all
),

-- What factors are made of: KPIs themselves, and the two counts that stand under some of them.
amounts as (
    select kpi as amount, period_grain, period_start, value from settled where segment_type = 'all' and value is not null
    union all by name
    select 'orders' as amount, period_grain, period_start, denominator as value from settled where kpi = 'average_order_value' and segment_type = 'all'
    union all by name
    select 'visits' as amount, period_grain, period_start, value from visits
),

pairs as (
    select
        later.kpi,
        later.period_grain,
        later.period_start,
        steps.compared_with,
        earlier.period_start as earlier_start,
        later.value - earlier.value as change,
        later.value as later_value,
        earlier.value as earlier_value,
        later.numerator as later_numerator,
        earlier.numerator as earlier_numerator,
        later.denominator as later_denominator,
        earlier.denominator as earlier_denominator
    from settled as later
    cross join (values ('previous'), ('year_before')) as steps (compared_with)
    inner join settled as earlier
        on later.kpi = earlier.kpi
        and later.period_grain = earlier.period_grain
        and earlier.segment_type = 'all'
        and earlier.value is not null
        -- a week's counterpart a year ago is 52 weeks back, so that it has the same weekdays
        and earlier.period_start = case
            when later.period_grain = 'week' then later.period_start - case steps.compared_with when 'previous' then 7 else 364 end
            when steps.compared_with = 'previous' then cast(later.period_start - interval 1 month as date)
            else cast(later.period_start - interval 1 year as date)
        end
    where later.segment_type = 'all'
        and later.value is not null
),

split as (
    select
        pairs.*,
        later.segment_type as split_by,
        later.segment as driver_segment,
        coalesce(later.numerator, 0) as later_part,
        coalesce(earlier.numerator, 0) as earlier_part,
        -- what all segments share (days, the whole revenue) is null where a segment has nothing
        coalesce(later.denominator, 0) as later_weight,
        coalesce(earlier.denominator, 0) as earlier_weight
    from pairs
    inner join settled as later
        on pairs.kpi = later.kpi
        and pairs.period_grain = later.period_grain
        and pairs.period_start = later.period_start
        and later.segment_type <> 'all'
    inner join settled as earlier
        on later.kpi = earlier.kpi
        and later.period_grain = earlier.period_grain
        and later.segment_type = earlier.segment_type
        and later.segment = earlier.segment
        and earlier.period_start = pairs.earlier_start
    where pairs.later_numerator is not null
        and pairs.earlier_numerator is not null
),

-- Only what adds up to the whole can explain it: customers of several cohorts, say, do not.
added_up as (
    select
        *,
        not ({{ differs('sum(later_part) over parts', 'later_numerator') }} or {{ differs('sum(earlier_part) over parts', 'earlier_numerator') }}) as parts_add_up,
        later_denominator is null as is_amount,
        not ({{ differs('sum(later_weight) over parts', 'later_denominator') }} or {{ differs('sum(earlier_weight) over parts', 'earlier_denominator') }}) as weights_add_up,
        max(later_weight) over parts = later_denominator and max(earlier_weight) over parts = earlier_denominator as weight_is_shared
    from split
    window parts as (partition by kpi, period_grain, period_start, compared_with, split_by)
),

-- Shares of the whole's denominator (w) and ratios within it (r): the change of a sum of w x r is, exactly, that of the ratios at the mean share plus that
-- of the shares at the mean ratio; the whole's mean ratio is taken off, because shares that grow take from others.
ratios as (
    select
        *,
        later_weight / later_denominator as later_share,
        earlier_weight / earlier_denominator as earlier_share,
        case when later_weight > 0 and earlier_weight > 0 then later_part / later_weight - earlier_part / earlier_weight else 0 end as ratio_change
    from added_up
    where parts_add_up and weights_add_up and not is_amount
),

mixed as (
    select
        *,
        ratio_change * (later_share + earlier_share) / 2 as rate_contribution,
        later_part / later_denominator - earlier_part / earlier_denominator
        - (later_share - earlier_share) * (later_value + earlier_value) / 2 as contribution
    from ratios
),

by_segment as (
    select * exclude (contribution, rate_contribution), 'rate' as driver, rate_contribution as contribution from mixed
    union all by name
    select * exclude (contribution, rate_contribution), 'mix' as driver, contribution - rate_contribution as contribution from mixed
    union all by name
    select *, 'amount' as driver, later_part - earlier_part as contribution from added_up where parts_add_up and is_amount
    union all by name
    select *, 'share' as driver, later_part / later_denominator - earlier_part / earlier_denominator as contribution
    from added_up
    where parts_add_up and weight_is_shared and not weights_add_up and not is_amount
),

chained as (
    select
        pairs.*,
        factors.position,
        factors.amount,
        factors.title_en,
        factors.title_zh,
        later.value as later_amount,
        earlier.value as earlier_amount,
        lag(later.value, 1, 1.0) over chain as later_base,
        lag(earlier.value, 1, 1.0) over chain as earlier_base,
        min(least(later.value, earlier.value)) over whole as least_amount,
        count(later.value + earlier.value) over whole = count(*) over whole as is_complete
    from pairs
    inner join factors
        on pairs.kpi = factors.kpi
    left join amounts as later
        on factors.amount = later.amount
        and pairs.period_grain = later.period_grain
        and pairs.period_start = later.period_start
    left join amounts as earlier
        on factors.amount = earlier.amount
        and pairs.period_grain = earlier.period_grain
        and pairs.earlier_start = earlier.period_start
    window
        chain as (partition by pairs.kpi, pairs.period_grain, pairs.period_start, pairs.compared_with order by factors.position),
        whole as (partition by pairs.kpi, pairs.period_grain, pairs.period_start, pairs.compared_with)
),

-- The additive logarithmic mean Divisia index: a factor's part of a change is L(later, earlier) x ln(its later value / its earlier one), L the logarithmic
-- mean; the parts sum to the change without a rest (Ang, "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33).
by_factor as (
    select
        *,
        'factors' as split_by,
        amount as driver_segment,
        'factor' as driver,
        case when later_value = earlier_value then later_value else (later_value - earlier_value) / ln(later_value / earlier_value) end
        * ln((later_amount / later_base) / (earlier_amount / earlier_base)) as contribution
    from chained
    where is_complete and least_amount > 0 and later_value > 0 and earlier_value > 0
),

contributions as (
    select
        by_segment.kpi, by_segment.period_grain, by_segment.period_start, by_segment.compared_with, by_segment.earlier_start, by_segment.earlier_value,
        by_segment.later_value, by_segment.change, by_segment.split_by, by_segment.driver, by_segment.driver_segment, by_segment.contribution,
        case by_segment.driver
            when 'rate' then definitions.title_en || ' of ' || by_segment.split_by || ' ' || by_segment.driver_segment
            when 'mix' then 'Share of ' || by_segment.split_by || ' ' || by_segment.driver_segment
            else by_segment.split_by || ' ' || by_segment.driver_segment
        end as title_en,
        {{ segment_type_zh('by_segment.split_by') }} || ' ' || by_segment.driver_segment || case by_segment.driver
            when 'rate' then ' 的' || definitions.title_zh
            when 'mix' then ' 的占比'
            else ''
        end as title_zh
    from by_segment
    inner join definitions
        on by_segment.kpi = definitions.kpi
    union all by name
    select
        kpi, period_grain, period_start, compared_with, earlier_start, earlier_value, later_value, change, split_by, driver, driver_segment, contribution,
        title_en, title_zh
    from by_factor
),

-- Of several ways to split a change the one whose largest part is largest tells most; a whole of one segment tells nothing.
weighed as (
    select
        *,
        coalesce(
            min(driver_segment) over (partition by kpi, period_grain, period_start, compared_with, split_by)
            <> max(driver_segment) over (partition by kpi, period_grain, period_start, compared_with, split_by), false
        ) as has_parts,
        max(abs(contribution)) over (partition by kpi, period_grain, period_start, compared_with, split_by) as largest,
        row_number() over (
            partition by kpi, period_grain, period_start, compared_with, split_by
            order by abs(contribution) desc, driver, driver_segment
        ) as position_in_split
    from contributions
),

chosen as (
    select
        *,
        first_value(split_by) over (
            partition by kpi, period_grain, period_start, compared_with
            order by has_parts desc, largest desc, split_by
        ) = split_by and has_parts and contribution <> 0 as is_telling
    from weighed
),

final as (
    select
        kpi,
        period_grain,
        'all' as segment_type,
        'all' as segment,
        period_start,
        compared_with,
        earlier_start,
        earlier_value,
        later_value as value,
        change,
        split_by,
        driver,
        driver_segment,
        title_en,
        title_zh,
        contribution,
        contribution / nullif(change, 0) as share,
        position_in_split,
        case when is_telling then position_in_split end as rank
    from chosen
)

select * from final
