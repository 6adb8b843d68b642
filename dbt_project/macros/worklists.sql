{#
    The shape of a worklist, one row per piece of work: worklist, work_key, subject, evidence in two languages, owner, due_at, severity, value,
    threshold, as_of; `more`: columns of its own that whoever does the work needs; `last`: those that came later. `key` must last: the same piece of work has the same key every
    night, and when it comes back after it was gone.
#}
{% macro worklist(name, relation, key, subject, evidence_en, evidence_zh, owner, due_at, severity, value, threshold, more=[], last=[]) -%}
    select
        '{{ name }}' as worklist,
        '{{ name }}/' || {{ key }} as work_key,
        {{ subject }} as subject,
        {{ evidence_en }} as evidence_en,
        {{ evidence_zh }} as evidence_zh,
        '{{ owner }}' as owner,
        cast({{ due_at }} as timestamp) as due_at,
        {{ severity }} as severity,
        cast({{ value }} as double) as value,
        cast({{ threshold }} as double) as threshold,
        {%- for column in more %}
        {{ column }},
        {%- endfor %}
        {{ as_of() }} as as_of
        {%- for column in last %},
        {{ column }}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}

{# The worklists there are, in the order of the alphabet: worklist_<name>.sql; a test compares this list with the folder. #}
{% macro worklist_models() %}
    {{ return([
        'complaints',
        'improvements',
        'late_suppliers',
        'losing_campaigns',
        'movable_orders',
        'order_surges',
        'orders_to_rekey',
        'quiet_key_accounts',
        'skipped_steps',
        'stale_opportunities',
        'suggestions',
        'uncovered_shifts',
    ]) }}
{% endmacro %}

{# From how much on something is work: as the company's settings say (`[worklists]` of meridian.toml), else as here. #}
{% macro worklist_limit(name) -%}
    {%- set usual = {
        'complaint_days_before_due': 2,
        'late_rate': 0.10,
        'losing_weeks': 2,
        'surge_factor': 1.5,
        'surge_lines': 10,
        'quiet_days': 90,
        'key_accounts': 20,
        'skipped_days': 14,
        'stale_days': 21,
        'worse_weeks': 2,
        'rekey_days': 1,
        'suggestion_days': 10,
    } -%}
    {{- return(worklist_limits_told().get(name, usual[name])) -}}
{%- endmacro %}
