{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'accounts') }}
),

parsed as (
    {{ parse('source', ['Id', 'Customer_Number__c', 'BillingCountryCode', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as account_id,
        customer_number__c as customer_number,
        billingcountrycode as country,
        {{ utc('createddate') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
