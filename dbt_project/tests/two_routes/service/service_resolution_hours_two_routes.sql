-- Resolution time, added up again from the opening hours.
{{ opening_hours_added_up('resolution_hours', until_at='resolved_at', seconds=3600) }}
