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
