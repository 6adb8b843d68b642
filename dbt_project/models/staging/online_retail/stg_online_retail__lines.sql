{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('online_retail', 'lines') }}
),

parsed as (
    {{ parse('source', [
        'InvoiceNo',
        'StockCode',
        'Description',
        'Quantity',
        'InvoiceDate',
        'UnitPrice',
        'CustomerID',
        'Country',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        InvoiceNo as invoice_number,
        StockCode as stock_code,
        trim(Description) as description,
        try_cast(try_cast(Quantity as double) as bigint) as quantity,
        -- the export writes the shop's wall clock without an offset
        ((try_cast(InvoiceDate as timestamp) at time zone 'Europe/London') at time zone 'UTC') as invoiced_at,
        try_cast(UnitPrice as decimal(18, 4)) as unit_price,
        -- the export holds the number as a fraction, 17850.0
        try_cast(try_cast(CustomerID as double) as bigint) as customer_number,
        nullif(Country, 'Unspecified') as country
    from parsed
)

select * from renamed
{{ newest_per_key() }}
