{#
    HubSpot's original traffic source → the channel's name. A record that somebody of sales typed in says so in the first drill-down.
    ("Understand original traffic source properties" in the vendor's knowledge base.)
#}
{% macro hubspot_channel(source, detail_1) -%}
    case {{ source }}
        when 'ORGANIC_SEARCH' then 'organic search'
        when 'PAID_SEARCH' then 'paid search'
        when 'EMAIL_MARKETING' then 'email'
        when 'SOCIAL_MEDIA' then 'social'
        when 'PAID_SOCIAL' then 'paid social'
        when 'REFERRALS' then 'referral'
        when 'AI_REFERRALS' then 'ai referral'
        when 'OTHER_CAMPAIGNS' then 'other campaigns'
        when 'DIRECT_TRAFFIC' then 'direct'
        when 'OFFLINE' then case when {{ detail_1 }} in ('CRM_UI', 'CONTACTS', 'COMPANIES', 'DEALS', 'SALES') then 'sales team' else 'offline' end
        else lower({{ source }})
    end
{%- endmacro %}

{# The campaign's UTM name: of social media it is the second drill-down (the first is the network), of searches, mails and other campaigns the first. #}
{% macro hubspot_campaign(source, detail_1, detail_2) -%}
    case
        when {{ source }} in ('SOCIAL_MEDIA', 'PAID_SOCIAL') then {{ detail_2 }}
        when {{ source }} in ('PAID_SEARCH', 'EMAIL_MARKETING', 'OTHER_CAMPAIGNS') then nullif({{ detail_1 }}, 'Unknown keywords (SSL)')
    end
{%- endmacro %}

{# The changes of stage that a lead itself tells of, for sources whose log leaves them out: select lead_id, event_at, to_stage. #}
{% macro lead_beginnings_and_endings(leads) -%}
    select
        lead_id,
        created_at as event_at,
        'lead' as to_stage
    from {{ leads }}
    {%- for stage in ['won', 'lost', 'cancelled'] %}
    union
    select
        lead_id,
        {{ stage }}_at as event_at,
        '{{ stage }}' as to_stage
    from {{ leads }}
    where {{ stage }}_at is not null
    {%- endfor %}
{%- endmacro %}

{#
    When a lead entered each stage, of all the changes of one lead: aggregates for its row. A lead converts when it first does; how it ended is how
    it ended last.
#}
{% macro lead_stage_instants(entered_at, lead_stage) -%}
    {%- for stage in ['opportunity', 'offer', 'won', 'lost', 'cancelled'] %}
        {{- 'min' if stage in ['opportunity', 'offer'] else 'max' }}({{ entered_at }}) filter (where {{ lead_stage }} = '{{ stage }}') as {{ stage }}_at
        {{- ',
        ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The stage that a lead came from; what happened in one instant happened in the order of the stages. #}
{% macro lead_stage_before(changes) -%}
    lag({{ changes }}.to_stage) over (
        partition by {{ changes }}.lead_id
        order by {{ changes }}.event_at, list_position(['lead', 'opportunity', 'offer', 'won', 'lost', 'cancelled'], {{ changes }}.to_stage)
    )
{%- endmacro %}

{# The last two parts of a model of lead events: of what was entered (lead_id, event_at, to_stage), the changes. Two stages of a source may be one of ours. #}
{% macro followed_lead_changes(entered, leads) -%}
followed as (
    select
        {{ entered }}.lead_id,
        {{ entered }}.event_at,
        {{ lead_stage_before(entered) }} as from_stage,
        {{ entered }}.to_stage
    from {{ entered }}
    inner join {{ leads }}
        on {{ entered }}.lead_id = {{ leads }}.lead_id
),

final as (
    select * from followed
    where from_stage is distinct from to_stage
)
{%- endmacro %}
