{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
statuses as (
    select * from {{ ref('stg_salesforce__case_statuses') }}
),

named as (
    select source_name, status, label, is_closed, is_default from statuses where not is_deleted
    union
    select source_name, label, label, is_closed, is_default from statuses where not is_deleted
),

-- An organisation names its statuses as it likes, but says which ones end a case and in which one it begins. A history may hold names or labels.
final as (
    select
        source_name,
        status,
        case
            when bool_or(is_closed) then 'solved'
            when bool_or(regexp_matches(lower(label), 'wait|pending|hold|await')) then 'pending'
            when bool_or(is_default) then 'new'
            else 'open'
        end as ticket_status
    from named
    group by source_name, status
)

select * from final
