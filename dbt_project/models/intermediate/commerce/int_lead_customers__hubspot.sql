{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
deals as (
    select * from {{ ref('stg_hubspot__deals') }}
),

partners as (
    select * from {{ ref('stg_hubspot__deal_associations') }}
),

companies as (
    select * from {{ ref('stg_hubspot__companies') }}
),

contacts as (
    select * from {{ ref('stg_hubspot__contacts') }}
),

chosen as (
    select
        source_name,
        deal_number,
        max(coalesce(primary_partner_number, first_partner_number)) filter (where partner_type = 'companies') as company_number,
        max(first_partner_number) filter (where partner_type = 'contacts') as contact_number
    from partners
    where not is_deleted
    group by source_name, deal_number
),

-- a deal is with its primary company; without one, with its first contact
final as (
    select
        deals.source_name,
        deals.deal_number,
        deals.source_name || case
            when companies.company_number is not null then ':company:' || companies.company_number
            when contacts.contact_number is not null then ':contact:' || contacts.contact_number
        end as customer_id,
        case
            when companies.company_number is not null then coalesce(companies.customer_number, cast(companies.company_number as varchar))
            else coalesce(contacts.customer_number, cast(contacts.contact_number as varchar))
        end as customer_number,
        case when companies.company_number is not null then companies.country else contacts.country end as country,
        case when companies.company_number is not null then companies.created_at else contacts.created_at end as created_at
    from deals
    left join chosen
        on deals.source_name = chosen.source_name
        and deals.deal_number = chosen.deal_number
    left join companies
        on chosen.source_name = companies.source_name
        and chosen.company_number = companies.company_number
        and not companies.is_deleted
    left join contacts
        on chosen.source_name = contacts.source_name
        and chosen.contact_number = contacts.contact_number
        and not contacts.is_deleted
    where not deals.is_deleted
)

select * from final
