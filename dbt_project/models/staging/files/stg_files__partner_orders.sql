{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'partner_orders') }}
),

parsed as (
    {{ parse('source', ['Confirmation', 'Your reference', 'Entered', 'Delivery date', 'Customer no.', 'Status']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim("Confirmation"), '') as confirmation,
        nullif(trim("Your reference"), '') as reference,
        try_cast("Entered" as date) as entered_on,
        try_cast("Delivery date" as date) as requested_on,
        nullif(trim("Customer no."), '') as customer_number,
        lower(nullif(trim("Status"), '')) as status,
        {{ unread({'"Entered"': 'date', '"Delivery date"': 'date'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
