"""One HTML page about a run or a study: `python3 -m hottune_analysis.report --dir D | --study F`, or `hottune report`."""
