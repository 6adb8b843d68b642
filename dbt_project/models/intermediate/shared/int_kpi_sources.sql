{{ kpi_source_rows() }}
