{# Words of each helpdesk → the canonical words of int_tickets. What a source calls otherwise is null and changes nothing. #}

{# ServiceNow's export writes a question mark where nothing is known, and day/month/year; a file whose dates were declared comes in ISO. #}
{% macro servicenow_value(text) -%}
    nullif(nullif(trim({{ text }}), '?'), '')
{%- endmacro %}

{% macro servicenow_instant(text) -%}
    coalesce(
        try_strptime({{ servicenow_value(text) }}, ['%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S']),
        {{ utc(servicenow_value(text)) }}
    )
{%- endmacro %}

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

{# The first value of the custom field called `name` (lower case) in `custom_fields`, a list of structs (name, values). #}
{% macro custom_field(name) -%}
    list_extract(list_filter(custom_fields, lambda field: lower(field.name) = '{{ name }}'), 1).values[1]
{%- endmacro %}

{#
    An account that writes by itself: the autoresponder, bots, and this project's own. The application has no mark for them, so their
    names decide. Their replies are not human replies.
#}
{% macro request_tracker_is_robot(name) -%}
    regexp_matches(lower({{ name }}), 'auto.?(reply|respon)|(^|[^a-z])(ro)?bot($|[^a-z])|^meridian-')
{%- endmacro %}

{# A ticket that is stalled waits, nearly always for its requester; 'rejected' ends it without a resolution. #}
{% macro request_tracker_status(status) -%}
    case {{ status }}
        when 'new' then 'new'
        when 'open' then 'open'
        when 'stalled' then 'pending'
        when 'resolved' then 'solved'
        when 'rejected' then 'closed'
        when 'closed' then 'closed'
    end
{%- endmacro %}

{# 0 to 100 → four steps; a fresh installation calls 0 low, 50 medium and 100 high. #}
{% macro request_tracker_priority(priority) -%}
    case
        when {{ priority }} > 80 then 'urgent'
        when {{ priority }} > 50 then 'high'
        when {{ priority }} > 0 then 'normal'
        when {{ priority }} <= 0 then 'low'
    end
{%- endmacro %}

{# Statuses that a company adds itself have higher numbers and names of their own: work goes on in them. #}
{% macro freshdesk_status(status) -%}
    case {{ status }}
        when 3 then 'pending'
        when 4 then 'solved'
        when 5 then 'closed'
        when 6 then 'pending'
        when 7 then 'hold'
        else 'open'
    end
{%- endmacro %}

{% macro freshdesk_priority(priority) -%}
    case {{ priority }}
        when 1 then 'low'
        when 2 then 'normal'
        when 3 then 'high'
        when 4 then 'urgent'
    end
{%- endmacro %}

{# The portal and the feedback widget are the web; mail that began with us is mail. #}
{% macro freshdesk_channel(source) -%}
    case {{ source }}
        when 1 then 'email'
        when 2 then 'web'
        when 3 then 'phone'
        when 7 then 'chat'
        when 9 then 'web'
        when 10 then 'email'
        else 'source ' || {{ source }}
    end
{%- endmacro %}

{# 103 (extremely happy) to -103; old surveys say 1 happy, 2 neutral, 3 unhappy. Neutral is neither good nor bad. #}
{% macro freshdesk_rating(score) -%}
    case
        when {{ score }} in (1, 101, 102, 103) then 'good'
        when {{ score }} in (3, -101, -102, -103) then 'bad'
    end
{%- endmacro %}

{# Systems let a company invent priorities, and a field may one day say something else: what is none of ours promises nothing. #}
{% macro known_priority(priority) -%}
    case when {{ priority }} in ('low', 'normal', 'high', 'urgent') then {{ priority }} end
{%- endmacro %}

{# Salesforce and ERPNext: the words that everybody begins with are High, Medium and Low. #}
{% macro priority_by_word(priority) -%}
    case lower({{ priority }}) when 'medium' then 'normal' when 'critical' then 'urgent' else lower({{ priority }}) end
{%- endmacro %}

{#
    An Issue of ERPNext is Replied when we wait for its customer. Sites before version 13 know no Resolved, and close what is done; of the others many close
    what was resolved some days later: both end the work.
#}
{% macro erpnext_issue_status(status) -%}
    case
        when {{ status }} = 'Replied' then 'pending'
        when {{ status }} in ('Hold', 'On Hold') then 'hold'
        when {{ status }} in ('Resolved', 'Closed') then 'solved'
        when {{ status }} is not null then 'open'
    end
{%- endmacro %}

{# What interrupts other work is an incident: a ticket that was urgent or high when it came. #}
{% macro is_incident(created_priority) %}{{ created_priority }} in ('urgent', 'high'){% endmacro %}
