{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'purchase_receipts') }}
),

parsed as (
    {{ parse('source', ['name', 'docstatus', 'is_return', 'posting_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as receipt_name,
        try_cast(docstatus as bigint) as docstatus,
        lower(is_return) in ('true', '1') as is_return,
        try_cast(posting_date as date) as posted_on
    from parsed
)

select * from renamed
{{ newest_per_key() }}
