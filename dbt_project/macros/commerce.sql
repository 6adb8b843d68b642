{# Instants and durations that orders and promises are measured by. #}

{#
    The instant at which `day` ends where `zone` is (null: the reporting zone), as a TIMESTAMP in UTC. A promise for a date is
    kept until then.
#}
{% macro end_of_local_day(day, zone) -%}
    ((cast(({{ day }}) + 1 as timestamp) at time zone coalesce({{ zone }}, {{ time_zone() }})) at time zone 'UTC')
{%- endmacro %}

{# Elapsed hours as DOUBLE, to the second; null when either instant is. #}
{% macro hours_between(earlier, later) -%}
    (date_diff('second', {{ earlier }}, {{ later }}) / 3600.0)
{%- endmacro %}

{# Goods cost what they cost when they left; what of a line has not left yet costs what the product costs now. #}
{% macro cost_of_line(quantity, costed_quantity, moved_cost, cost_price) -%}
    cast(
            coalesce({{ moved_cost }}, 0)
            + case
                when {{ quantity }} > coalesce({{ costed_quantity }}, 0)
                    then ({{ quantity }} - coalesce({{ costed_quantity }}, 0)) * {{ cost_price }}
                else 0
            end as decimal(18, 4)
        )
{%- endmacro %}

{# TIMESTAMP in UTC → DATE on the calendar of `zone` (an SQL expression; where it is null, of the reporting zone). #}
{% macro day_in(instant, zone) -%}
    cast({{ local_time(instant, 'coalesce(' ~ zone ~ ', ' ~ time_zone() ~ ')') }} as date)
{%- endmacro %}

{# Of the rows of a group, or of those where `condition` holds: the last `instant`, once all of them have one. #}
{% macro last_of_all(instant, condition=none) -%}
    {%- set those = ' filter (where ' ~ condition ~ ')' if condition else '' -%}
    case
            when count({{ instant }}){{ those }} = count(*){{ those }}
                then max({{ instant }}){{ those }}
        end
{%- endmacro %}
