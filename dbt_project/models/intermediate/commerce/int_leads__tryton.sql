{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
opportunities as (
    select * from {{ ref('stg_tryton__opportunities') }}
),

sales as (
    select * from {{ ref('stg_tryton__sales') }}
),

document_states as (
    select * from {{ ref('int_document_states__tryton') }}
),

employees as (
    select * from {{ ref('stg_tryton__employees') }}
),

contact_mechanisms as (
    select * from {{ ref('stg_tryton__contact_mechanisms') }}
),

currencies as (
    select * from {{ ref('stg_tryton__currencies') }}
),

campaigns as (
    select * from {{ ref('stg_tryton__marketing_campaigns') }}
),

media as (
    select * from {{ ref('stg_tryton__marketing_media') }}
),

addresses as (
    select * from {{ ref('stg_tryton__addresses') }}
),

countries as (
    select * from {{ ref('stg_tryton__countries') }}
),

emails as (
    select
        source_name,
        party_id,
        arg_min(value, contact_mechanism_id) as email
    from contact_mechanisms
    where not is_deleted and kind = 'email'
    group by source_name, party_id
),

-- the ERP logs neither winning nor losing: an offer is won when its sale is confirmed and lost when all its sales are cancelled
offers as (
    select
        sales.source_name,
        sales.origin_id as opportunity_id,
        min(document_states.confirmed_at) filter (where sales.state <> 'cancelled') as confirmed_at,
        max(document_states.cancelled_at) as cancelled_at
    from sales
    left join document_states
        on sales.source_name = document_states.source_name
        and document_states.model = 'sale.sale'
        and sales.sale_id = document_states.document_id
    where not sales.is_deleted and sales.origin_model = 'sale.opportunity'
    group by sales.source_name, sales.origin_id
),

final as (
    select
        opportunities.source_name || ':' || opportunities.opportunity_id as lead_id,
        opportunities.source_name,
        opportunities.number as lead_number,
        opportunities.source_name || ':' || opportunities.party_id as customer_id,
        coalesce(emails.email, employees.name) as owner,
        media.name as channel,
        campaigns.name as campaign,
        countries.region,
        opportunities.created_at,
        document_states.opportunity_at as converted_at,
        document_states.converted_at as offered_at,
        case
            when opportunities.state = 'won'
                then coalesce(offers.confirmed_at, {{ end_of_local_day('opportunities.ended_on', 'null') }} - interval 1 second)
        end as won_at,
        case
            when opportunities.state = 'lost'
                then coalesce(
                    document_states.lost_at,
                    offers.cancelled_at,
                    {{ end_of_local_day('opportunities.ended_on', 'null') }} - interval 1 second
                )
        end as lost_at,
        case
            when opportunities.state = 'cancelled'
                then coalesce(document_states.cancelled_at, {{ end_of_local_day('opportunities.ended_on', 'null') }} - interval 1 second)
        end as cancelled_at,
        opportunities.lost_reason,
        case opportunities.state when 'converted' then 'offer' else opportunities.state end as stage,
        opportunities.amount as amount_stated,
        currencies.code as currency
    from opportunities
    left join document_states
        on opportunities.source_name = document_states.source_name
        and document_states.model = 'sale.opportunity'
        and opportunities.opportunity_id = document_states.document_id
    left join offers
        on opportunities.source_name = offers.source_name
        and opportunities.opportunity_id = offers.opportunity_id
    left join employees
        on opportunities.source_name = employees.source_name
        and opportunities.employee_id = employees.employee_id
    left join emails
        on employees.source_name = emails.source_name
        and employees.party_id = emails.party_id
    left join currencies
        on opportunities.source_name = currencies.source_name
        and opportunities.currency_id = currencies.currency_id
    left join media
        on opportunities.source_name = media.source_name
        and opportunities.medium_id = media.medium_id
    left join campaigns
        on opportunities.source_name = campaigns.source_name
        and opportunities.campaign_id = campaigns.campaign_id
    left join addresses
        on opportunities.source_name = addresses.source_name
        and opportunities.address_id = addresses.address_id
    left join countries
        on addresses.source_name = countries.source_name
        and addresses.country_id = countries.country_id
    where not opportunities.is_deleted
)

select * from final
