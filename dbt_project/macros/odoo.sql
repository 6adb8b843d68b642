{# TIMESTAMP in UTC → DATE on the calendar of `zone` (an SQL expression; where it is null, of the reporting zone). #}
{% macro day_in(instant, zone) -%}
    cast({{ local_time(instant, 'coalesce(' ~ zone ~ ', ' ~ time_zone() ~ ')') }} as date)
{%- endmacro %}

{# Of the rows of a group where `condition` holds: the last `instant`, once all of them have one. #}
{% macro last_of_all(instant, condition) -%}
    case
            when count({{ instant }}) filter (where {{ condition }}) = count(*) filter (where {{ condition }})
                then max({{ instant }}) filter (where {{ condition }})
        end
{%- endmacro %}
