"""Apache Superset over the published marts: installed aside, provisioned from the files of this folder. `python -m bi up|stop|status`."""
