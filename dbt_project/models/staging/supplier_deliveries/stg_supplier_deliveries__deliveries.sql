{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('supplier_deliveries', 'deliveries') }}
),

parsed as (
    {{ parse('source', [
        'ID',
        'PO / SO #',
        'Country',
        'Fulfill Via',
        'Shipment Mode',
        'PO Sent to Vendor Date',
        'Scheduled Delivery Date',
        'Delivered to Client Date',
        'Delivery Recorded Date',
        'Vendor',
        'Item Description',
        'Line Item Quantity',
        'Line Item Value',
        'Freight Cost (USD)',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        "ID" as delivery_number,
        "PO / SO #" as order_number,
        "Country" as country,
        "Fulfill Via" as fulfilled_via,
        nullif("Shipment Mode", 'N/A') as shipment_mode,
        -- two ways of writing a date stand side by side in this export (and a third once a connector was told the order); a sentence is no date
        cast(try_strptime("PO Sent to Vendor Date", ['%m/%d/%y', '%d-%b-%y', '%Y-%m-%d']) as date) as ordered_on,
        cast(try_strptime("Scheduled Delivery Date", ['%d-%b-%y', '%m/%d/%y', '%Y-%m-%d']) as date) as scheduled_on,
        cast(try_strptime("Delivered to Client Date", ['%d-%b-%y', '%m/%d/%y', '%Y-%m-%d']) as date) as delivered_on,
        cast(try_strptime("Delivery Recorded Date", ['%d-%b-%y', '%m/%d/%y', '%Y-%m-%d']) as date) as recorded_on,
        -- why there is no date of ordering: 'N/A - From RDC', 'Date Not Captured'
        case
            when try_strptime("PO Sent to Vendor Date", ['%m/%d/%y', '%d-%b-%y', '%Y-%m-%d']) is null then "PO Sent to Vendor Date"
        end as ordered_on_remark,
        "Vendor" as vendor,
        "Item Description" as item,
        try_cast("Line Item Quantity" as decimal(18, 4)) as quantity,
        try_cast("Line Item Value" as decimal(18, 4)) as line_amount,
        try_cast("Freight Cost (USD)" as decimal(18, 4)) as freight_amount,
        case
            when try_cast("Freight Cost (USD)" as decimal(18, 4)) is null then "Freight Cost (USD)"
        end as freight_remark
    from parsed
)

select * from renamed
{{ newest_per_key() }}
