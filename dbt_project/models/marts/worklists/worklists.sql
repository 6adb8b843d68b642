with
final as (
    {%- for name in worklist_models() %}
    select worklist, work_key, subject, evidence_en, evidence_zh, owner, due_at, severity, value, threshold, as_of from {{ ref('worklist_' ~ name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
