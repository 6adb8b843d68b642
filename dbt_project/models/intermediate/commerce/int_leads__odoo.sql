{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
leads as (
    select * from {{ ref('stg_odoo__leads') }}
),

changes as (
    select * from {{ ref('int_tracked_changes__odoo') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__odoo') }}
),

lost_reasons as (
    select * from {{ ref('stg_odoo__lost_reasons') }}
),

partners as (
    select * from {{ ref('stg_odoo__partners') }}
),

users as (
    select * from {{ ref('stg_odoo__users') }}
),

companies as (
    select * from {{ ref('stg_odoo__companies') }}
),

currencies as (
    select * from {{ ref('stg_odoo__currencies') }}
),

countries as (
    select * from {{ ref('stg_odoo__countries') }}
),

media as (
    select * from {{ ref('stg_odoo__media') }}
),

campaigns as (
    select * from {{ ref('stg_odoo__campaigns') }}
),

-- a lead converts when it first does; how it ended is how it ended last
entered as (
    select
        changes.source_name,
        changes.document_id as lead_number,
        min(changes.changed_at) filter (where lead_stages.lead_stage = 'offer') as offered_at,
        max(changes.changed_at) filter (where lead_stages.lead_stage = 'won') as won_at,
        max(changes.changed_at) filter (where changes.field = 'active' and changes.new_number = 0) as archived_at
    from changes
    left join lead_stages
        on changes.source_name = lead_stages.source_name
        and changes.field = 'stage_id'
        and changes.new_number = lead_stages.stage_id
    where changes.model = 'crm.lead'
    group by changes.source_name, changes.document_id
),

-- Odoo has one way to end a lead that is not won: it is archived, for a reason
staged as (
    select
        leads.*,
        lost_reasons.name as lost_for,
        case
            when not leads.is_active and regexp_matches(lower(lost_reasons.name), 'cancel|disqualif|duplicate|spam') then 'cancelled'
            when not leads.is_active then 'lost'
            when lead_stages.lead_stage in ('won', 'offer') then lead_stages.lead_stage
            when leads.kind = 'lead' then 'lead'
            else lead_stages.lead_stage
        end as stage
    from leads
    left join lead_stages
        on leads.source_name = lead_stages.source_name
        and leads.stage_id = lead_stages.stage_id
    left join lost_reasons
        on leads.source_name = lost_reasons.source_name
        and leads.lost_reason_id = lost_reasons.lost_reason_id
    where not leads.is_deleted
),

final as (
    select
        staged.source_name || ':' || staged.lead_number as lead_id,
        staged.source_name,
        staged.name as lead_number,
        staged.source_name || ':' || coalesce(partners.commercial_partner_id, staged.partner_id) as customer_id,
        coalesce(users.email, users.login) as owner,
        lower(media.name) as channel,
        coalesce(campaigns.title, campaigns.name) as campaign,
        {{ region_of_country_code('countries.code') }} as region,
        staged.created_at,
        staged.converted_at,
        entered.offered_at,
        case when staged.stage = 'won' then coalesce(entered.won_at, staged.closed_at) end as won_at,
        case when staged.stage = 'lost' then coalesce(entered.archived_at, staged.closed_at, staged.changed_at) end as lost_at,
        case when staged.stage = 'cancelled' then coalesce(entered.archived_at, staged.closed_at, staged.changed_at) end as cancelled_at,
        case when staged.stage = 'lost' then staged.lost_for end as lost_reason,
        staged.stage,
        staged.amount as amount_stated,
        currencies.code as currency
    from staged
    left join entered
        on staged.source_name = entered.source_name
        and staged.lead_number = entered.lead_number
    left join partners
        on staged.source_name = partners.source_name
        and staged.partner_id = partners.partner_id
    left join users
        on staged.source_name = users.source_name
        and staged.user_id = users.user_id
    left join companies
        on staged.source_name = companies.source_name
        and staged.company_id = companies.company_id
    left join currencies
        on companies.source_name = currencies.source_name
        and companies.currency_id = currencies.currency_id
    left join countries
        on staged.source_name = countries.source_name
        and coalesce(staged.country_id, partners.country_id) = countries.country_id
    left join media
        on staged.source_name = media.source_name
        and staged.medium_id = media.medium_id
    left join campaigns
        on staged.source_name = campaigns.source_name
        and staged.campaign_id = campaigns.campaign_id
)

select * from final
