{# Words of each helpdesk → the canonical words of int_tickets. What a source calls otherwise is null and changes nothing. #}

{% macro servicenow_status(state) -%}
    case {{ state }}
        when 'New' then 'new'
        when 'Active' then 'open'
        when 'Awaiting User Info' then 'pending'
        when 'Awaiting Vendor' then 'hold'
        when 'Awaiting Problem' then 'hold'
        when 'Awaiting Evidence' then 'hold'
        when 'Resolved' then 'solved'
        when 'Closed' then 'closed'
        when 'Canceled' then 'closed'
    end
{%- endmacro %}

{# '3 - Moderate' → normal; the digit decides, the word is translated in some installations. #}
{% macro servicenow_priority(priority) -%}
    case substr({{ priority }}, 1, 1)
        when '1' then 'urgent'
        when '2' then 'high'
        when '3' then 'normal'
        when '4' then 'low'
        when '5' then 'low'
    end
{%- endmacro %}

{# The work on a ticket has ended. #}
{% macro is_done(status) -%}
    ({{ status }} in ('solved', 'closed'))
{%- endmacro %}
