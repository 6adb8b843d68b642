{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
stages as (
    select * from {{ ref('stg_odoo__ticket_stages') }}
),

-- "Helpdesk", Stages: a ticket in a folded stage is closed. A company names its stages as it likes; in the first one a ticket is still to be looked at.
final as (
    select
        source_name,
        stage_id,
        case
            when is_folded and regexp_matches(lower(name), 'cancel|reject|spam|duplicate') then 'closed'
            when is_folded then 'solved'
            when sequence = min(sequence) over (partition by source_name) then 'new'
            when regexp_matches(lower(name), 'wait|pending|customer') then 'pending'
            when regexp_matches(lower(name), 'hold') then 'hold'
            else 'open'
        end as ticket_status
    from stages
    where not is_deleted
)

select * from final
