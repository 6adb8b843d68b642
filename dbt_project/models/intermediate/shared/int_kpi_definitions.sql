{{ kpi_definition_rows() }}
