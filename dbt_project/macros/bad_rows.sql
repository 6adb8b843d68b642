{#
    Rows that cannot be as they are written: the one place where it is said which, and what becomes of them. A rule is

        reason      its code, the same wherever it is found
        is_bad      condition on the columns of the entity; null counts as sound
        shows       columns whose values are published as what offends: dates, numbers and words of a source, never anything of a person
        aside       columns whose value is set aside (null) while the rest of the row counts; without it the row is left out whole. None: what is set
                    aside is worked out later, and left out there

    An entity is a canonical model before its bad rows are taken out (int_<entity>s__stated) or a register of the drop folder. `sound_rows` is what
    every number is made of; `quarantined_rows` is what stands in the mart `quarantine`. Both read these rules, so a row is in the one, the other, or
    with a value set aside in both. What a row of the landing says stays there whatever becomes of it here. Why each rule does what it does: DECISIONS.md.
#}
{% macro bad_row_rules(entity) -%}
    {%- set rules = {
        'order': [
            {'reason': 'impossible_date', 'shows': ['placed_at'], 'is_bad': is_no_date_of_a_business('placed_at')},
            {'reason': 'delivered_before_ordered', 'shows': ['placed_at', 'delivered_at'], 'is_bad': is_before('delivered_at', 'placed_at'),
             'aside': ['delivered_at', 'promised_on', 'first_promised_on']},
            {'reason': 'shipped_before_ordered', 'shows': ['placed_at', 'shipped_at'], 'is_bad': is_before('shipped_at', 'placed_at'), 'aside': ['shipped_at']},
            {'reason': 'impossible_promise', 'shows': ['placed_at', 'promised_on', 'first_promised_on'],
             'is_bad': is_far_from('promised_on', 'placed_at') ~ ' or ' ~ is_far_from('first_promised_on', 'placed_at'),
             'aside': ['promised_on', 'first_promised_on']},
            {'reason': 'impossible_requested_date', 'shows': ['placed_at', 'requested_on'],
             'is_bad': is_far_from('requested_on', 'placed_at'), 'aside': ['requested_on']},
        ],
        'order_line': [
            {'reason': 'negative_quantity', 'shows': ['quantity', 'unit_price'], 'is_bad': 'quantity < 0'},
        ],
        'receipt': [
            {'reason': 'negative_quantity', 'shows': ['quantity'], 'is_bad': 'quantity < 0'},
            {'reason': 'received_before_ordered', 'shows': ['ordered_on', 'received_on'], 'is_bad': 'received_on < ordered_on',
             'aside': ['ordered_at', 'ordered_on']},
            {'reason': 'impossible_date', 'shows': ['ordered_on', 'promised_on'],
             'is_bad': [is_no_date_of_a_business('ordered_on'), is_no_date_of_a_business('received_on'), is_far_from('promised_on', 'ordered_on')] | join(' or ')},
        ],
        'lead': [
            {'reason': 'impossible_date', 'shows': ['created_at'], 'is_bad': 'created_at is null or ' ~ is_no_date_of_a_business('created_at')},
            {'reason': 'closed_before_created', 'shows': ['created_at', 'won_at', 'lost_at'],
             'is_bad': is_before('won_at', 'created_at') ~ ' or ' ~ is_before('lost_at', 'created_at'), 'aside': []},
            {'reason': 'negative_amount', 'shows': ['amount'], 'is_bad': 'amount < 0', 'aside': ['amount']},
        ],
        'complaint': [
            {'reason': 'impossible_date', 'shows': ['opened_at'], 'is_bad': 'opened_at is null or ' ~ is_no_date_of_a_business('opened_at')},
            {'reason': 'resolved_before_created', 'shows': ['opened_at', 'resolved_at'], 'is_bad': is_before('resolved_at', 'opened_at')},
            {'reason': 'due_before_created', 'shows': ['opened_at', 'due_at'], 'is_bad': is_before('due_at', 'opened_at'), 'aside': ['due_at']},
        ],
        'ticket': [
            {'reason': 'impossible_date', 'shows': ['created_at'], 'is_bad': 'created_at is null or ' ~ is_no_date_of_a_business('created_at')},
            {'reason': 'resolved_before_created', 'shows': ['created_at', 'source_resolved_at', 'first_done_at'],
             'is_bad': is_before('source_resolved_at', 'created_at') ~ ' or ' ~ is_before('first_done_at', 'created_at')},
            {'reason': 'unknown_status', 'shows': ['unknown_status'], 'is_bad': 'unknown_status is not null', 'aside': ['unknown_status']},
        ],
        'channel_days': [
            {'reason': 'negative_amount', 'shows': ['spend', 'visits'], 'is_bad': 'spend < 0 or visits < 0'},
        ],
        'quality_reviews': [
            {'reason': 'impossible_score', 'shows': ['score'], 'is_bad': 'score not between 0 and 100'},
        ],
        'surveys': [
            {'reason': 'impossible_score', 'shows': ['score'], 'is_bad': 'score not between 1 and 5'},
        ],
        'staff': [
            {'reason': 'ended_before_begun', 'shows': ['starts_on', 'ends_on'], 'is_bad': 'ends_on < starts_on'},
        ],
        'rosters': [
            {'reason': 'ended_before_begun', 'shows': ['starts_at', 'ends_at'], 'is_bad': 'ends_at <= starts_at'},
        ],
    } -%}
    {%- set unread = [{'reason': 'unreadable_value', 'shows': ['unread'], 'is_bad': 'unread is not null', 'aside': ['unread']}] if entity in registers() else [] -%}
    {{- return(rules.get(entity, []) + unread) -}}
{%- endmacro %}

{# The registers of the drop folder whose values are dates, numbers and yes or no. #}
{% macro registers() -%}
    {{- return([
        'budgets', 'channel_days', 'costs', 'partner_items', 'partner_orders', 'procedures', 'projects', 'quality_reviews', 'risks', 'rosters', 'sites',
        'sla_policies', 'staff', 'staffing', 'stock_counts', 'suggestions', 'surveys', 'targets', 'team_reviews', 'training',
    ]) -}}
{%- endmacro %}

{# reason → [English, Chinese]. #}
{% macro bad_row_words() -%}
    {{- return({
        'closed_before_created': ['Won or lost before it was created', '成交或丢单早于创建'],
        'delivered_before_ordered': ['Delivered before it was ordered', '送达早于下单'],
        'due_before_created': ['Due before it was opened', '时限早于立案'],
        'ended_before_begun': ['Ends before it begins', '结束早于开始'],
        'impossible_date': ['A date that cannot be', '日期不可能'],
        'impossible_requested_date': ['Requested for a day years away', '要求交货日期相差数年'],
        'impossible_score': ['A score outside its scale', '分数超出量程'],
        'impossible_promise': ['Promised for a day years away', '承诺日期相差数年'],
        'negative_amount': ['An amount below nothing', '金额为负'],
        'negative_quantity': ['A quantity below nothing', '数量为负'],
        'received_before_ordered': ['Received before it was ordered', '收货早于下单'],
        'resolved_before_created': ['Solved before it was created', '解决早于创建'],
        'shipped_before_ordered': ['Shipped before it was ordered', '发货早于下单'],
        'unknown_status': ['A status that nobody has told us the meaning of', '状态含义未知'],
        'unreadable_value': ['A value that cannot be read as what it should be', '值无法按应有类型读取'],
    }) -}}
{%- endmacro %}

{# Conditions of rules. Clocks of one system differ by a second between two of its records. #}
{% macro is_before(earlier, later) -%}
    {{ earlier }} < {{ later }} - interval 1 second
{%- endmacro %}

{# Not between the first and the last day of which anybody could report: what a broken clock or an empty field says (1970, 0001, 9999). #}
{% macro is_no_date_of_a_business(date) -%}
    ({{ date }} < {{ first_credible_day() }} or {{ date }} >= {{ first_incredible_day() }})
{%- endmacro %}

{# More than a year before, or ten years after. In days: years taken from an instant cost six times as much. #}
{% macro is_far_from(date, other) -%}
    (cast({{ date }} as date) - cast({{ other }} as date) not between -366 and 3653)
{%- endmacro %}

{# What counts of `relation`: the rows that are not left out, with what is set aside as null, and has_bad_values where there is such a value. #}
{% macro sound_rows(entity, relation, without=[]) -%}
    {%- set rules, aside = bad_row_rules(entity), {} -%}
    {%- for rule in rules -%}
        {%- for column in rule.get('aside', []) -%}{%- do aside.update({column: aside.get(column, []) + [rule.is_bad]}) -%}{%- endfor -%}
    {%- endfor -%}
    select
        *{{ ' exclude (' ~ without | join(', ') ~ ')' if without }}
        {%- if aside.keys() | reject('in', without) | list %} replace (
            {%- for column, conditions in aside.items() if column not in without %}
            case when coalesce({{ conditions | join(', false) or coalesce(') }}, false) then null else {{ column }} end as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        ){%- endif %},
        {% if aside -%}
        coalesce({{ rules | selectattr('aside', 'defined') | map(attribute='is_bad') | join(', false) or coalesce(') }}, false)
        {%- else -%} false {%- endif %} as has_bad_values
    from {{ relation }}
    where {{ is_sound(entity) }}
{%- endmacro %}

{# Condition: the row is not left out. #}
{% macro is_sound(entity) -%}
    not coalesce({{ bad_row_rules(entity) | rejectattr('aside', 'defined') | map(attribute='is_bad') | join(', false) and not coalesce(') }}, false)
{%- endmacro %}

{# What does not: one row per bad row and reason. `key` names the row, `day` (an SQL expression) is its own day, as far as it has one. #}
{% macro quarantined_rows(entity, relation, key, day) -%}
    {%- for rule in bad_row_rules(entity) %}
    select
        source_name,
        '{{ entity }}' as entity,
        cast({{ key }} as varchar) as row_key,
        '{{ rule.reason }}' as reason,
        {{ 'true' if rule.aside is not defined else 'false' }} as is_left_out,
        {% if rule.shows == ['unread'] -%} unread {%- else -%}
        concat_ws(', '{% for column in rule.shows %}, '{{ column }}: ' || {{ column }}{% endfor %})
        {%- endif %} as offending,
        cast({{ day }} as date) as row_day
    from {{ relation }}
    where {{ rule.is_bad }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Every entity that has rules: the model with all its rows, what names a row in it, and its own day (none: a row that may lie ahead, or has no day), or the
   instant that the day is made of. #}
{% macro ruled_entities() -%}
    {%- set found = [
        {'entity': 'order', 'model': 'int_orders__stated', 'key': 'order_id', 'day': reporting_day('placed_at'), 'instant': 'placed_at'},
        {'entity': 'order_line', 'model': 'int_order_lines__stated', 'key': 'order_line_id', 'day': 'priced_on'},
        {'entity': 'receipt', 'model': 'int_receipts__stated', 'key': 'receipt_id', 'day': 'coalesce(ordered_on, least(promised_on, received_on))'},
        {'entity': 'lead', 'model': 'int_leads__stated', 'key': 'lead_id', 'day': reporting_day('created_at'), 'instant': 'created_at'},
        {'entity': 'complaint', 'model': 'int_complaints__stated', 'key': 'complaint_id', 'day': reporting_day('opened_at'), 'instant': 'opened_at'},
        {'entity': 'ticket', 'model': 'int_ticket_headers__stated', 'key': 'ticket_id', 'day': reporting_day('created_at'), 'instant': 'created_at'},
    ] -%}
    {%- set days = {
        'channel_days': 'day', 'costs': 'month', 'quality_reviews': 'reviewed_on', 'staff': 'starts_on', 'stock_counts': 'counted_on', 'surveys': 'answered_on',
        'suggestions': 'submitted_on', 'team_reviews': 'reviewed_on', 'risks': 'registered_on',
    } -%}
    {%- for register in registers() -%}
        {%- do found.append({
            'entity': register, 'model': 'stg_files__' ~ register, 'key': 'record_key', 'day': days.get(register, 'cast(null as date)'), 'is_register': true,
        }) -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{#
    Condition: the row is known by the end of the as_of day. A day that cannot be is no day to come. `instant`: what the day is made of, where it is;
    to ask for every row's day in the company's time zone costs twenty times as much as to compare instants.
#}
{% macro is_known_by_as_of(day, instant=none) -%}
    {%- if instant -%}
    ({{ instant }} is null or {{ instant }} < {{ end_of_as_of() }} or {{ is_no_date_of_a_business(instant) }})
    {%- else -%}
    (coalesce({{ day }}, {{ as_of() }}) <= {{ as_of() }} or {{ is_no_date_of_a_business(day) }})
    {%- endif -%}
{%- endmacro %}
