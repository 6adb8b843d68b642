{# How far ahead rosters are looked at: a shift that nobody takes can still be filled two weeks before. #}
{% macro roster_days_ahead() %}14{% endmacro %}

{# What the company promises its customers: a calendar of this name in meridian.toml, or round the clock when there is none. #}
{% macro company_calendar() %}'company'{% endmacro %}

{# A register's row without a last day goes on. #}
{% macro no_last_day() %}date '9999-12-31'{% endmacro %}

{# How long before a day somebody must have been core staff to be missed when gone. #}
{% macro retention_days() %}{{ return(365) }}{% endmacro %}

{#
    One row per row of a register (`relation`: starts_on, ends_on, a null ends_on going on) and month that it reaches into, up to as_of: `amount`
    times the share of the month's days that it held. The month of as_of has the days up to it. From `first_month` (a scalar SQL expression) on.
#}
{% macro average_of_months(relation, segment, amount, first_month) -%}
    select
        months.month,
        {{ relation }}.{{ segment }},
        {{ relation }}.{{ amount }}
            * (least(coalesce({{ relation }}.ends_on, {{ no_last_day() }}), months.ends_on) - greatest({{ relation }}.starts_on, months.month) + 1)
            / (months.ends_on - months.month + 1) as {{ amount }}
    from {{ relation }}
    inner join (
        select
            month,
            least(last_day(month), {{ as_of() }}) as ends_on
        from (select cast(unnest(generate_series({{ first_month }}, {{ as_of() }}, interval 1 month)) as date) as month)
    ) as months
        on {{ relation }}.starts_on <= months.ends_on
        and coalesce({{ relation }}.ends_on, {{ no_last_day() }}) >= months.month
{%- endmacro %}

{#
    Revenue (relation `earned`: month, segment, net_amount) beside what it is divided by (relation `over`: month, segment, amount), in the months of which both
    are known: before the register nobody knows the one, before the orders nobody the other.
#}
{% macro revenue_beside(over, segment, amount) -%}
    select
        month,
        {{ segment }},
        0 as net_amount,
        {{ amount }}
    from {{ over }}
    where month >= (select min(month) from earned)
    union all
    select
        month,
        {{ segment }},
        net_amount,
        0 as {{ amount }}
    from earned
    where month >= (select min(month) from {{ over }})
{%- endmacro %}

{# How many weeks before it the volume of an hour is expected from: the mean of the same hour of the week. #}
{% macro staffing_weeks() %}{{ return(8) }}{% endmacro %}

{# 'mon 09' of a wall time: its weekday and hour. #}
{% macro hour_of_week(local_at) -%}
    lower(strftime({{ local_at }}, '%a %H'))
{%- endmacro %}
